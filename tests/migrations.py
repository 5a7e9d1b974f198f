"""`python -m tests.migrations`: a database upgraded from nothing has exactly the schema of the tables."""

import sys
import tempfile
from pathlib import Path

from storage import schema
from storage.store import Store


def main() -> int:
    """Upgrade an empty SQLite file and compare; say what differs."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{Path(folder) / 'check.db'}")
        schema.upgrade(store.engine)
        found = schema.problems(store.engine) or schema.drift(store.engine)
        store.close()
    for problem in found:
        sys.stderr.write(f"{problem}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
