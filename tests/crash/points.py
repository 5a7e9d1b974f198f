"""Every named point of the product, as its source says; one that no story reaches fails the suite."""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("actions", "bot", "flows", "runbooks", "spend", "storage")


def crashpoints() -> dict[str, str]:
    """Where each name stands, as `path:line`.

    Raises:
        ValueError: a name is no plain text, or stands twice.
    """
    found: dict[str, str] = {}
    for path in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "crashpoint"
            ):
                place = f"{path.relative_to(ROOT)}:{node.lineno}"
                name = node.args[0]
                if not (isinstance(name, ast.Constant) and isinstance(name.value, str)):
                    raise ValueError(f"{place}: the name of a point is a plain text")
                if name.value in found:
                    raise ValueError(f"{place}: {name.value} stands at {found[name.value]} already")
                found[name.value] = place
    return found
