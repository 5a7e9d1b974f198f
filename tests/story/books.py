"""What the ledger and the audit log say, read beside the running bot."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import select

from actions.plan import Plan
from actions.step import Step
from spend import money
from spend.ledger import Entry
from spend.period import Period
from storage import audit, jobs, ledger, plans, tables
from storage.store import Store


@dataclass(frozen=True)
class Books:
    """The database and the command line of the bot under test."""

    store: Store
    environment: Mapping[str, str]

    def standing(self, team: str | None = None, period: Period | None = None) -> list[Entry]:
        """The ledger entries that count."""
        with self.store.reading() as session:
            return ledger.standing(session, team=team, period=period)

    def all_of(self, table: Any) -> list[Any]:
        """Every row of a table."""
        with self.store.reading() as session:
            return list(session.execute(select(table)).scalars())

    def events(self, subject: str) -> list[str]:
        """What the audit log tells of one record, by name."""
        with self.store.reading() as session:
            return [row["event"] for row in audit.rows(session, subject=subject)]

    def plan(self, key: str) -> Plan:
        """A plan as it stands."""
        with self.store.reading() as session:
            return plans.load(next(row for row in [session.get(tables.Plan, key)] if row is not None))

    def steps(self, key: str) -> list[Step]:
        """The steps of a run."""
        with self.store.reading() as session:
            return plans.steps(session, key)

    def of_dispute(self, key: str) -> list[Entry]:
        """The entries that a ruling wrote."""
        with self.store.reading() as session:
            return ledger.of_dispute(session, key)

    def done(self, kind: str, key: str) -> bool:
        """Whether a job has ended well."""
        return jobs.ended(self.store, (kind,), key)

    def bursar(self, *words: str, home: Path | None = None) -> "subprocess.CompletedProcess[str]":
        """Run a `bursar` command beside the bot; with a home, on the state that lies there."""
        given = {**self.environment, **({"BURSAR_HOME": str(home)} if home else {})}
        command = [sys.executable, "-P", "-m", "bot.cli", *words]
        return subprocess.run(command, env=given, capture_output=True, text=True, timeout=60, check=False)

    def told(self, *words: str) -> Any:
        """The one JSON document that a `bursar … --json` command prints."""
        ran = self.bursar(*words, "--json")
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    def forged(self, home: Path, row: int) -> Path:
        """A copy of the state in which somebody with the file in hand edited one audit row."""
        home.mkdir()
        original = Path(self.environment["BURSAR_HOME"]) / "bursar.db"
        with closing(sqlite3.connect(original)) as here, closing(sqlite3.connect(home / "bursar.db")) as copy:
            here.backup(copy)
            guards = copy.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'"
            ).fetchall()
            assert guards
            for name, _ in guards:
                copy.execute(f"DROP TRIGGER {name}")
            copy.execute("UPDATE audit SET actor = 'somebody else' WHERE seq = ?", (row,))
            for _, text in guards:
                copy.execute(text)
            copy.commit()
        return home


def effective(entries: Iterable[Entry]) -> Decimal:
    """The exact sum of EffectiveCost."""
    return money.total(entry.effective for entry in entries)


def billed(entries: Iterable[Entry]) -> Decimal:
    """The exact sum of BilledCost."""
    return money.total(entry.billed for entry in entries)
