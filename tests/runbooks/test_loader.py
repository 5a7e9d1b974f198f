"""Reading runbooks: what is shipped holds, and what is broken is named with its line."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from actions.registry import params_of
from runbooks import loader
from runbooks.schema import spelt
from spend.errors import SettingsWrong

SHIPPED = sorted(loader.SHIPPED.glob("*.yaml"))
GOOD = """\
runbook: example
title: An example
owner: platform-oncall
reviewed: 2026-09-01
why: To show one.
when: { finding: idle }
guards: { max_targets: 5 }
approval: { from: [oncall] }
steps:
  - id: stop
    action: aws.stop_instances
    with: { environments: [dev] }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def write(folder: Path, text: str, name: str = "example.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def refusal(folder: Path, text: str) -> list[str]:
    with pytest.raises(SettingsWrong) as wrong:
        loader.load(write(folder, text), params_of)
    return str(wrong.value).splitlines()


def test_the_three_runbooks_hold_and_each_with_fits_its_action() -> None:
    found = loader.load_all(params_of=params_of)
    assert set(found) == {
        "stop-idle-dev",
        "mark-unattached-volumes",
        "reclaim-unattached-volumes",
        "cap-lambda-concurrency",
    }
    assert found["reclaim-unattached-volumes"].approval.quorum == 2
    assert [step.action for step in found["reclaim-unattached-volumes"].steps] == [
        "aws.snapshot_volume",
        "aws.delete_volume",
    ]
    assert found["stop-idle-dev"].when.minimum_monthly_saving is not None


def test_a_runbook_says_everything_that_is_left_out(folder: Path) -> None:
    runbook = loader.load(write(folder, GOOD), params_of)
    assert (runbook.name, runbook.reviewed) == ("example", date(2026, 9, 1))
    assert runbook.approval.approve_within == timedelta(hours=4)
    assert runbook.approval.execute_within == timedelta(hours=2)
    assert runbook.undo_within == timedelta(hours=72)
    assert runbook.rollout.stop_after_failures == 1
    assert runbook.when.propose == "on request"
    assert runbook.guards.production == "never"


def test_the_schema_file_is_the_one_that_the_code_makes() -> None:
    assert loader.SCHEMA.read_text() == loader.json_schema(), (
        "write runbooks.loader.json_schema() to runbooks/runbook.schema.json"
    )


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_an_editor_with_the_schema_accepts_what_is_shipped(path: Path) -> None:
    Draft202012Validator(json.loads(loader.SCHEMA.read_text())).validate(as_json(path.read_text()))


BROKEN = [
    ("title: An example", "title: 7", "example.yaml:2 title: input should be a valid string"),
    ("owner: platform-oncall\n", "", "example.yaml:1 owner: is missing"),
    ("title:", "titel:", "example.yaml:2 titel: is not a key here; did you mean title?"),
    (
        "max_targets: 5",
        'max_targets: "5"',
        "example.yaml:7 guards.max_targets: input should be a valid integer",
    ),
    ("max_targets: 5", "max_targets: 0", "example.yaml:7 guards.max_targets: input should be greater than"),
    ("finding: idle", "finding: bored", "example.yaml:6 when.finding: input should be 'idle', 'orphan'"),
    ("from: [oncall]", "from: []", "example.yaml:8 approval.from: "),
    ("from: [oncall]", "from: [oncall, oncall]", "example.yaml:8 approval.from: an entry stands here twice"),
    ("from: [oncall]", "from: ['']", "example.yaml:8 approval.from: an entry is empty"),
    ("{ from: [oncall] }", "{ from: [a], approve_within: 4 }", "approval.approve_within: write a duration"),
    ("{ from: [oncall] }", "{ from: [a], approve_within: 30d }", "approval.approve_within: a consent stands"),
    ("{ from: [oncall] }", "{ from: [a], quorum: 1.5 }", "approval.quorum: input should be a valid integer"),
    (
        "{ finding: idle }",
        "{ finding: idle, minimum_monthly_saving: 50 }",
        "write an amount with its currency",
    ),
    ("runbook: example", "runbook: other", "example.yaml:1 runbook: the name other must be that of its file"),
    ("aws.stop_instances", "aws.rm_rf", "example.yaml:11 steps.0.action: there is no action aws.rm_rf"),
    ("aws.stop_instances", "os.system('x')", "example.yaml:11 steps.0.action: string should match pattern"),
    ("[dev]", "[]", "example.yaml:12 steps.0.with.environments: list should have at least 1 item"),
    (
        "environments:",
        "enviroments:",
        "steps.0.with.enviroments: is not a key here; did you mean environments?",
    ),
    ("[dev] }", "[dev], idle_days: soon }", "steps.0.with.idle_days: input should be a valid integer"),
    ("title: An example", "title: An example\ntitle: Twice", "example.yaml:3 yaml: found duplicate key"),
    (
        "title: An example",
        "title: &x An example",
        "example.yaml:2 yaml: anchors and aliases are not used here",
    ),
    ("title: An example", "title: !!python/name:os.system x", "example.yaml:2 yaml: the tag"),
    ("title: An example", "title: !x An example", "example.yaml:2 yaml: the tag !x is not used here"),
    ("title: An example", "title: [An example", "example.yaml:"),
    (
        "why: To show one.\n",
        "undo_within: 90m\nwhy: To show one.\n",
        "undo_within: an undo is offered for whole",
    ),
]


@pytest.mark.parametrize(("good", "bad", "said"), BROKEN)
def test_what_is_wrong_is_named_with_file_line_and_field(
    folder: Path, good: str, bad: str, said: str
) -> None:
    assert good in GOOD
    lines = refusal(folder, GOOD.replace(good, bad, 1))
    assert any(said in line for line in lines), lines
    assert all(line.startswith("example.yaml:") for line in lines)


def test_all_errors_of_all_files_come_at_once(folder: Path) -> None:
    write(folder, GOOD.replace("title: An example", "title: 7").replace("finding: idle", "finding: no"))
    write(folder, "- 1\n", "second.yaml")
    write(folder, GOOD.replace("runbook: example", "runbook: third"), "third.yaml")
    with pytest.raises(SettingsWrong) as wrong:
        loader.load_all(folder, params_of)
    lines = str(wrong.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["example.yaml", "example.yaml", "second.yaml"]
    assert "a runbook is a mapping" in lines[2]


def test_two_steps_cannot_share_an_id(folder: Path) -> None:
    twice = GOOD + "  - id: stop\n    action: aws.start_instances\n"
    assert refusal(folder, twice) == ["example.yaml:1 runbook: two steps have the same id; give each its own"]


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe\x00", b"--- a\n--- b\n", b"x" * 70_000, b"a: b: c"])
def test_what_is_no_runbook_at_all_is_refused_in_a_sentence(folder: Path, raw: bytes) -> None:
    path = folder / "odd.yaml"
    path.write_bytes(raw)
    with pytest.raises(SettingsWrong, match=r"^odd\.yaml:\d+ yaml: "):
        loader.load(path)


def test_a_file_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(SettingsWrong, match=r"none\.yaml:1 file: it cannot be read"):
        loader.load(folder / "none.yaml")


def test_the_hash_covers_content_and_not_layout(folder: Path) -> None:
    first = loader.load(write(folder, GOOD))
    relaid = "# a comment\n" + GOOD.replace("{ from: [oncall] }", "\n  from:\n    - oncall")
    assert loader.load(write(folder, relaid)).hash == first.hash
    assert loader.load(write(folder, GOOD.replace("max_targets: 5", "max_targets: 6"))).hash != first.hash
    assert loader.load(write(folder, GOOD.replace("[dev]", "[sandbox]"))).hash != first.hash


def test_an_amount_keeps_its_cents_and_currency(folder: Path) -> None:
    text = GOOD.replace("{ finding: idle }", "{ finding: idle, minimum_monthly_saving: 50.10 EUR }")
    least = loader.load(write(folder, text)).when.minimum_monthly_saving
    assert least is not None
    assert (least.amount, least.currency, str(least)) == (Decimal("50.10"), "EUR", "50.1 EUR")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (90, "90s"), (600, "10m"), (14_400, "4h"), (172_800, "2d"), (90_000, "25h")],
)
def test_a_duration_is_spelt_in_the_largest_unit_that_divides_it(seconds: int, text: str) -> None:
    assert spelt(timedelta(seconds=seconds)) == text


def lines_of_text() -> Iterator[str]:
    yield from GOOD.splitlines()


@settings(max_examples=60, deadline=None)
@given(line=st.integers(0, 11), junk=st.text(max_size=12))
def test_any_broken_line_is_refused_in_words_or_read_and_never_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, line: int, junk: str
) -> None:
    lines = list(lines_of_text())
    lines[line] = junk
    path = tmp_path_factory.mktemp("junk") / "example.yaml"
    path.write_text("\n".join(lines), encoding="utf-8", errors="surrogatepass")
    try:
        loader.load(path, params_of)
    except SettingsWrong as wrong:
        assert str(wrong).startswith("example.yaml:")  # noqa: PT017 - reading it is as good an answer


def as_json(text: str) -> Any:
    return json.loads(json.dumps(YAML(typ="safe", pure=True).load(text), default=str))
