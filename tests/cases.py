"""`python -m tests.cases`: writes into docs/security.md which tests prove which case and ASVS requirement."""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "security.md"
BEGIN, END = "<!-- cases: written by `python -m tests.cases` -->", "<!-- end of the cases -->"

#: Our catalogue of faults and attacks, and what must come of each.
CASES: Mapping[str, str] = {
    "T01": "A wrong signature: 401, counted, no listener runs",
    "T02": "A time stamp that is old or ahead: 401",
    "T03": "No signing secret: the process does not start",
    "T04": "Slack repeats an event: acted on once, answered each time",
    "T05": "A double click: one vote",
    "T06": "Two approvers at the same instant, one needed: one transition",
    "T07": "Two needed, one person twice: still one",
    "T08": "The requester approves: refused",
    "T09": "The author of a runbook change approves its first run: refused",
    "T10": "A click after approve-by: refused, the card loses its buttons",
    "T11": "Approved, but not begun by execute-by: expired, nothing done",
    "T12": "Somebody else clicks: refused, and the refusal is in the log",
    "T13": "An empty list of approvers: nobody may approve, and the start says so",
    "T14": "More approvals needed than there are approvers: the settings are refused",
    "T15": "The value of a button was edited: refused",
    "T16": "A target became production after the approval: skipped",
    "T17": "A target was stopped by hand already: done, without a call",
    "T18": "A target is gone: skipped",
    "T19": "The runbook changed after the approval: stale",
    "T20": "The estimate grew by more than a fifth: stale",
    "T21": "The process is killed at any named point, SQLite: no double and no unaudited effect",
    "T22": "The same on PostgreSQL",
    "T23": "SIGTERM in a wave: ends within 30 s, and the run is taken up again",
    "T24": "Throttled calls: waited for, each applied once",
    "T25": "Access denied at one step: the run stops, the rest is untouched",
    "T26": "Several failures allowed: stops exactly at the limit",
    "T27": "The canary does not verify: nothing after it",
    "T28": "Two plans share a target: one of them waits or is refused",
    "T29": "A cooldown is on: refused, with the time that is left",
    "T30": "A freeze or the wrong hours, also where clocks change: refused",
    "T31": "The error budget is spent: refused",
    "T32": "An incident is open: refused",
    "T33": "One target more than the cap: refused, never cut",
    "T34": "Over the cap in money or in percent of the fleet: refused",
    "T35": "A protecting tag in any spelling: left alone",
    "T36": "A fresh install without settings: plans, and changes nothing",
    "T37": "The kill switch, from the terminal and from Slack: nothing new runs, both audited",
    "T38": "An undo in time: restored, linked, audited",
    "T39": "Deleting a volume: only after its snapshot is complete",
    "T40": "Slack asks to wait: delivered once later, other channels go on",
    "T41": "Slack is away for an hour: runs finish, messages follow in order",
    "T42": "A channel is gone: the fallback is told, the run goes on",
    "T43": "The database is locked for seconds: waits, and succeeds",
    "T44": "The database is missing, or newer than the program: does not start",
    "T45": "PostgreSQL restarts during a run: connected again, reconciled",
    "T46": "Two replicas: taken over within 10 s of a kill",
    "T47": "The clock was away for days: one late digest, marked so",
    "T48": "The same bill twice: nothing changes",
    "T49": "A row without a known currency is counted and refused; an unknown account is kept, unallocated",
    "T50": "A negative amount of usage: kept",
    "T51": "`&`, `<` and `>` in a tag: shown as they are",
    "T52": "A cell of an export that begins like a formula: made harmless",
    "T53": "A runbook with an unknown action, field or type: refused with its line",
    "T54": "A runbook that wants a shell or an object: refused",
    "T55": "A runbook that wants to call a host: refused",
    "T56": "The log of a whole run at its most talkative: no secret in it",
    "T57": "A dump of the database: no secret in it",
    "T58": "Somebody of team A asks for what is team B's: not found",
    "T59": "The shipped permissions: what is used is granted, and nothing else",
    "T60": "A row of the audit log is edited: verify says which",
}
#: Requirements of OWASP ASVS 5.0 that a test of ours shows, in our words.
ASVS: Mapping[str, str] = {
    "V1.2.4": "Values are bound, never written into SQL",
    "V1.2.5": "No shell is ever asked",
    "V1.2.10": "Exports are safe against formulas",
    "V1.3.2": "Nothing is evaluated",
    "V1.3.5": "Text from outside cannot become markup",
    "V1.3.6": "Only configured hosts are called",
    "V1.3.7": "No text from outside is a template",
    "V1.3.12": "No pattern takes forever",
    "V1.5.2": "Reading data never makes objects",
    "V1.5.3": "One way of reading each format",
    "V2.1.3": "Limits are written down",
    "V2.2.1": "Input is checked against what is allowed",
    "V2.2.2": "Checks are made where they can be trusted",
    "V2.2.3": "Data that belongs together is checked together",
    "V2.3.1": "Steps happen in their order",
    "V2.3.2": "Business limits hold",
    "V2.3.3": "All of a change, or nothing",
    "V2.3.4": "Locks keep limits under concurrency",
    "V2.3.5": "High-value acts take several people",
    "V2.4.1": "Automation cannot flood",
    "V5.2.1": "Size limits on what comes in",
    "V5.2.3": "Size limits on what is unpacked",
    "V5.3.2": "Paths are not built from what strangers send",
    "V8.1.1": "Who may do what is written down",
    "V8.2.1": "Functions ask who it is",
    "V8.2.2": "Records ask who it is",
    "V8.2.3": "Fields ask who it is",
    "V8.3.1": "Permission is asked in the trusted layer",
    "V8.3.2": "A lost permission counts at once",
    "V8.3.3": "Permission is the person's, not the bot's",
    "V8.4.1": "Workspaces are apart",
    "V13.2.2": "Least privilege towards the cloud",
    "V13.2.4": "Outbound calls go to a list",
    "V13.3.1": "Secrets come from outside the files",
    "V13.3.4": "Keys can be rotated",
    "V13.4.2": "No debug mode",
    "V15.1.2": "Dependencies are listed with their hashes",
    "V15.2.4": "Dependencies come as locked",
    "V15.3.2": "Redirects are not followed",
    "V15.3.3": "No field is set that was not meant to be",
    "V15.3.5": "Types are checked, not guessed",
    "V15.4.1": "Shared state is safe among threads",
    "V15.4.2": "What was checked is checked again at use",
    "V16.2.1": "Who, when, where and what is logged",
    "V16.2.2": "Times are UTC",
    "V16.2.5": "Secrets are masked in logs",
    "V16.3.2": "Failed permissions are logged",
    "V16.3.3": "Attempts to get round a guard are logged",
    "V16.4.1": "Log lines cannot be forged by input",
    "V16.4.2": "The log cannot be changed",
    "V16.4.3": "The log is kept elsewhere too",
    "V16.5.1": "Errors say nothing of the inside",
    "V16.5.3": "Fails closed",
    "V16.5.4": "A last handler catches what nobody did",
}


def proofs() -> dict[str, list[str]]:
    """The tests that carry each id, as `file::test`, in the order of the files."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for test, ids in _marked(ast.parse(path.read_text(encoding="utf-8"))):
            for one in ids:
                found[_spelt(one)].append(f"{path.relative_to(ROOT)}::{test}")
    return dict(found)


def _marked(tree: ast.Module) -> Iterator[tuple[str, list[str]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            ids = [one for mark in node.decorator_list for one in _ids(mark)]
            if ids:
                yield node.name, ids


def _ids(mark: ast.expr) -> list[str]:
    if not (isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.case"):
        return []
    return [str(argument.value) for argument in mark.args if isinstance(argument, ast.Constant)]


def _spelt(one: str) -> str:
    return f"V{one}" if re.match(r"\d", one) else one


def section(found: Mapping[str, list[str]]) -> str:
    """The part of the page that lists ids, what they mean, and their tests."""
    parts = [BEGIN]
    for title, texts in (
        ("Faults and attacks, and the tests that carry them", CASES),
        ("OWASP ASVS 5.0", ASVS),
    ):
        rows = [f"| {one} | {text} | {_links(found[one])} |" for one, text in texts.items() if one in found]
        parts += ["", f"### {title}", "", "| id | what must hold | tests |", "|---|---|---|", *rows]
    return "\n".join([*parts, "", END])


def _links(tests: list[str]) -> str:
    return ", ".join(f"`{test.removeprefix('tests/')}`" for test in tests)


def main() -> int:
    """Write the page's part anew; say which ids are not known."""
    found, text = proofs(), PAGE.read_text(encoding="utf-8")
    start, end = text.index(BEGIN), text.index(END) + len(END)
    PAGE.write_text(text[:start] + section(found) + text[end:], encoding="utf-8")
    unknown = sorted(set(found) - set(CASES) - set(ASVS))
    missing = [one for one in CASES if one not in found]
    sys.stdout.write(
        f"without a test: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}\n"
    )
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
