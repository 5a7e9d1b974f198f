"""The rules of the tree, asked of the tree: layers, libraries, states, sizes, imports without effects."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("spend", "runbooks", "actions", "storage", "flows", "bot")
PRODUCT = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
EVERYTHING = [*PRODUCT, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "benchmarks").rglob("*.py"))]
MOST_LINES, MOST_OF_A_FUNCTION, MOST_OF_A_LISTENER = 400, 60, 15
#: Where a library may be imported, as the beginnings of paths.
HOMES = {
    "slack_bolt": ("bot/",),
    "slack_sdk": ("bot/",),
    "apscheduler": ("bot/",),
    "typer": ("bot/",),
    "rich": ("bot/",),
    "starlette": ("bot/",),
    "uvicorn": ("bot/",),
    "sqlmodel": ("storage/",),
    "sqlalchemy": ("storage/",),
    "alembic": ("storage/",),
    "duckdb": ("storage/",),
    "ibis": ("storage/",),
    "pyarrow": ("storage/",),
    "boto3": ("actions/clouds.py", "actions/aws/", "storage/sources/"),
    "botocore": ("actions/clouds.py", "actions/aws/", "storage/sources/"),
    "kubernetes": ("actions/clouds.py", "actions/kubernetes/"),
    "google": ("actions/clouds.py", "actions/gcp/", "storage/engines/bigquery.py", "storage/sources/"),
    "moto": ("bot/demo/",),
}
#: Libraries that cost a tenth of a second or many megabytes: imported inside the function that needs them.
HEAVY = {"boto3", "botocore", "kubernetes", "google", "duckdb", "ibis", "pyarrow", "vl_convert", "moto"}
#: The outermost loops: what they do not catch would end a process or show a traceback.
OUTERMOST = {"bot/cli/__init__.py", "bot/errors.py"}
#: Runs in a fresh interpreter in which nothing can be reached, written or started.
IMPORT_EVERYTHING = """
import importlib, sys, threading

def forbidden(event, arguments):
    writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    if event.startswith(("socket.connect", "socket.bind", "subprocess", "os.mkdir", "sqlite3")) or writes:
        raise RuntimeError(f"importing had an effect: {event} {arguments}")

sys.dont_write_bytecode = True
sys.addaudithook(forbidden)
for name in sys.argv[1:]:
    importlib.import_module(name)
assert threading.active_count() == 1, threading.enumerate()
"""


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def shown(path: Path, node: ast.AST | None = None) -> str:
    line = getattr(node, "lineno", None)
    return f"{path.relative_to(ROOT)}" + (f":{line}" if line else "")


def imports(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Each import and the first word of what it brings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node, str(node.module).split(".")[0]


def dotted(node: ast.AST) -> str:
    """`a.b.c` of an expression, or an empty text."""
    if isinstance(node, ast.Attribute):
        return f"{before}.{node.attr}" if (before := dotted(node.value)) else ""
    return node.id if isinstance(node, ast.Name) else ""


def imported_from(node: ast.AST, module: str) -> set[str]:
    """The names that `from module import …` brings."""
    if isinstance(node, ast.ImportFrom) and node.module == module:
        return {alias.name for alias in node.names}
    return set()


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_a_package_imports_only_from_those_below_it() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    asked = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert asked.returncode == 0, asked.stdout


def test_a_library_is_imported_only_where_it_belongs() -> None:
    wrong = [
        f"{shown(path, node)} imports {library}"
        for path in PRODUCT
        for node, library in imports(parsed(path))
        if not str(path.relative_to(ROOT)).startswith(HOMES.get(library, ("",)))
    ]
    assert wrong == []


def test_heavy_libraries_are_imported_when_they_are_first_used() -> None:
    top = [
        f"{shown(path, node)} imports {library} at its top"
        for path in PRODUCT
        for statement in parsed(path).body
        for node, library in imports(statement)
        if library in HEAVY and not isinstance(statement, ast.FunctionDef | ast.ClassDef)
    ]
    assert top == []


def test_only_the_settings_read_the_environment() -> None:
    wrong = [
        shown(path, node)
        for path in PRODUCT
        for node in ast.walk(parsed(path))
        if (dotted(node) in {"os.environ", "os.getenv"} or imported_from(node, "os") & {"environ", "getenv"})
        and shown(path) != "bot/settings.py"
    ]
    assert wrong == []


def test_only_main_reads_the_clock() -> None:
    clocks = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "datetime.datetime.now"}
    wrong = [
        shown(path, node)
        for path in PRODUCT
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Attribute) and dotted(node) in clocks and shown(path) != "bot/main.py"
    ]
    assert wrong == []


def changes_of_state(tree: ast.AST) -> Iterator[ast.AST]:
    """`x.state = …`, `setattr(x, "state", …)` and `update(…).values(state=…)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (one for one in targets if isinstance(one, ast.Attribute) and one.attr == "state")
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else dotted(node.func)
            by_keyword = name == "values" and any(word.arg == "state" for word in node.keywords)
            texts = [one.value for one in node.args if isinstance(one, ast.Constant)]
            if by_keyword or (name in {"setattr", "__setattr__"} and "state" in texts):
                yield node


def test_only_the_unit_of_work_writes_a_state() -> None:
    wrong = [
        shown(path, node)
        for path in PRODUCT
        for node in changes_of_state(parsed(path))
        if shown(path) != "storage/unit.py"
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "broken",
    [
        "row.state = 'done'",
        "row.state: str = 'done'",
        "setattr(row, 'state', 'done')",
        "session.execute(update(Plan).where(x).values(version=2, state='done'))",
    ],
)
def test_the_look_for_states_sees_each_way_to_write_one(broken: str) -> None:
    assert len(list(changes_of_state(ast.parse(broken)))) == 1


def test_every_module_says_what_it_is_for() -> None:
    empty = [
        shown(path)
        for path in EVERYTHING
        if path.read_text(encoding="utf-8").strip() and not ast.get_docstring(parsed(path))
    ]
    assert empty == []


def test_files_and_functions_stay_short() -> None:
    long = [
        f"{shown(path)}: {lines} lines"
        for path in PRODUCT
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES
    ]
    long += [
        f"{shown(path, node)} {node.name}: {length(node)} lines"
        for path in EVERYTHING
        for node in functions(path)
        if length(node) > MOST_OF_A_FUNCTION and "migrations/versions" not in shown(path)
    ]
    assert long == []


def test_listeners_stay_short() -> None:
    long = [
        f"{shown(path, node)} {node.name}: {length(node)} lines"
        for path in PRODUCT
        if path.is_relative_to(ROOT / "bot" / "listeners")
        for node in functions(path)
        if {"ack", "body", "press", "event"} & {one.arg for one in node.args.args}
        and length(node) > MOST_OF_A_LISTENER
    ]
    assert long == []


def test_everything_is_caught_only_in_the_outermost_loops() -> None:
    broad = {"", "Exception", "BaseException"}
    wrong = [
        shown(path, node)
        for path in PRODUCT
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ExceptHandler)
        and broad & ({dotted(one) for one in caught(node)} or {""})
        and shown(path) not in OUTERMOST
    ]
    assert wrong == []


def caught(handler: ast.ExceptHandler) -> list[ast.expr]:
    """What a handler names."""
    if isinstance(handler.type, ast.Tuple):
        return handler.type.elts
    return [handler.type] if handler.type else []


def test_importing_any_module_has_no_effect() -> None:
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in PRODUCT
        if path.name != "__main__.py" and "migrations" not in path.parts
    ]
    command = [sys.executable, "-c", IMPORT_EVERYTHING, *names]
    asked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout == asked.stderr == ""
