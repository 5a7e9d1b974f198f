"""The auditor's verifier: one file that needs nothing of ours, and finds whatever was tampered with."""

import ast
import json
import random
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spend import canonical
from storage import checkpoints
from storage.store import Store
from tests.storage.rows import NOON

VERIFIER = Path(__file__).parents[2] / "deploy" / "verify_audit.py"
ROWS, EVERY, TRIALS = 30, 10, 140
Lines = list[dict[str, Any]]
SPEC = spec_from_file_location("verify_audit", VERIFIER)
assert SPEC is not None
assert SPEC.loader is not None
verifier = module_from_spec(SPEC)
SPEC.loader.exec_module(verifier)
OLD, NEW, EVE = (checkpoints.signer(checkpoints.generate()[0]) for _ in range(3))


@pytest.fixture
def log(store: Store) -> tuple[Lines, Lines]:
    """Thirty rows and three checkpoints, with a change of the key between them."""
    from flows import auditing

    for number in range(ROWS):
        with store.writing(NOON + number * timedelta(minutes=1)) as unit:
            unit.record("plan.propose", actor="U012ANN3456", subject=f"plan-{number}", after={"é": [number]})
        if number % EVERY == EVERY - 1:
            first = number < EVERY
            with store.writing(NOON) as unit:
                checkpoints.sign(unit, OLD if first else NEW, next_key=NEW.public if first else None)
    return list(auditing.exported(store, named=False)), [dict(one) for one in auditing.signed(store)]


def verified(folder: Path, rows: Lines, signed: Lines, *keys: str) -> int:
    for name, lines in (("log", rows), ("checkpoints", signed)):
        (folder / name).write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
    given_keys = [word for key in keys or (OLD.public,) for word in ("--key", key)]
    arguments = [*given_keys, "--log", str(folder / "log"), "--checkpoints", str(folder / "checkpoints")]
    return int(verifier.main(arguments))


def chained(rows: Lines, start: int) -> None:
    """Give every row from here on the hash that it should have: what a forger with the database does."""
    for at in range(start, len(rows)):
        rows[at]["prev_hash"] = rows[at - 1]["hash"] if at else "0" * 64
        rows[at]["hash"] = verifier.hash_of(rows[at])


def edit(rows: Lines, _: Lines, dice: random.Random) -> None:
    row = dice.choice(rows)
    column = dice.choice([name for name in row if name != "seq"])
    row[column] = "0" * 64 if column in {"hash", "prev_hash"} and row[column] != "0" * 64 else "forged"


def edit_deep(rows: Lines, _: Lines, dice: random.Random) -> None:
    dice.choice(rows)["after"]["é"].append(0)


def remove(rows: Lines, _: Lines, dice: random.Random) -> None:
    del rows[dice.randrange(len(rows))]


def double(rows: Lines, _: Lines, dice: random.Random) -> None:
    at = dice.randrange(len(rows))
    rows.insert(at, rows[at])


def swap(rows: Lines, _: Lines, dice: random.Random) -> None:
    one, other = dice.sample(range(len(rows)), 2)
    rows[one], rows[other] = rows[other], rows[one]


def rewrite(rows: Lines, _: Lines, dice: random.Random) -> None:
    at = dice.randrange(len(rows))
    rows[at]["actor"] = "somebody else"
    chained(rows, at)


def cut(rows: Lines, _: Lines, dice: random.Random) -> None:
    del rows[dice.randrange(len(rows)) :]


def insert(rows: Lines, _: Lines, dice: random.Random) -> None:
    at = dice.randrange(len(rows) - 1)  # one more after the last checkpoint would be a row like any other
    rows.insert(at, dict(rows[at]))
    for number, row in enumerate(rows, 1):
        row["seq"] = number
    chained(rows, at)


def edit_checkpoint(_: Lines, signed: Lines, dice: random.Random) -> None:
    one = dice.choice(signed)
    name = dice.choice(sorted(one))
    one[name] = one[name] + 1 if isinstance(one[name], int) else "1" * len(one[name] or "1")


def remove_checkpoint(_: Lines, signed: Lines, dice: random.Random) -> None:
    del signed[dice.randrange(len(signed) - 1)]


def sign_anew(rows: Lines, signed: Lines, dice: random.Random) -> None:
    """The whole log from one row on, with checkpoints under the forger's own key."""
    rewrite(rows, signed, dice)
    previous = "0" * 64
    for one in signed:
        content = {name: one[name] for name in checkpoints.SIGNED}
        content |= {
            "head": rows[one["size"] - 1]["hash"],
            "previous": previous,
            "key": EVE.public,
            "next_key": None,
        }
        one |= {**content, "hash": canonical.digest(content), "signature": EVE.sign(content)}
        previous = one["hash"]


KINDS: list[Callable[[Lines, Lines, random.Random], None]] = [
    *(edit, edit_deep, remove, double, swap, rewrite, cut, insert),
    *(edit_checkpoint, remove_checkpoint, sign_anew),
]


@pytest.mark.case("T60", "V16.4.2")
def test_each_of_140_random_tamperings_is_found(
    log: tuple[Lines, Lines], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missed = []
    for trial in range(TRIALS):
        rows, signed = json.loads(json.dumps(log))
        kind = KINDS[trial % len(KINDS)]
        kind(rows, signed, random.Random(trial))
        if verified(tmp_path, rows, signed) != 1:
            missed.append((trial, kind.__name__))
    assert missed == []
    assert capsys.readouterr().out.count("DOES NOT HOLD: ") == TRIALS
    assert verified(tmp_path, *log) == 0


def test_the_first_key_the_last_or_both_will_do_and_a_strangers_will_not(
    log: tuple[Lines, Lines], tmp_path: Path
) -> None:
    for keys in ([OLD.public], [NEW.public], [OLD.public, NEW.public]):
        assert verified(tmp_path, *log, *keys) == 0
    assert verified(tmp_path, *log, EVE.public) == 1


@pytest.mark.case("T60")
def test_it_runs_alone_and_says_what_holds_and_which_row_does_not(
    log: tuple[Lines, Lines], tmp_path: Path
) -> None:
    rows, signed = log
    verified(tmp_path, rows, signed)
    command = [sys.executable, "-I", str(VERIFIER), "--key", OLD.public]
    whole = [*command, "--log", str(tmp_path / "log"), "--checkpoints", str(tmp_path / "checkpoints")]
    held = subprocess.run(whole, capture_output=True, text=True, check=False)
    assert (held.returncode, held.stdout, held.stderr) == (
        0,
        "HOLDS: 30 rows and 3 checkpoints; 0 rows are younger than the last one\n",
        "",
    )
    rows[16]["subject"] = "plan-x"
    verified(tmp_path, rows, signed)
    found = subprocess.run(whole, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (1, "")
    assert "row 17 (plan.propose) was changed after it was written" in found.stdout


@pytest.fixture
def restored(log: tuple[Lines, Lines]) -> tuple[Lines, Lines]:
    """The log after two people resumed it from a copy of its first rows, and the checkpoints of both logs."""
    rows, signed = log
    kept: Lines = json.loads(json.dumps(rows[:12]))
    for event, actor, after in (
        ("recovery.begin", "bursar", {"void": []}),
        ("recovery.resume", "person-b", {"first": "person-a"}),
    ):
        row = {**rows[0], "event": event, "actor": actor, "subject": "recovery-1", "after": after}
        kept.append({**row, "seq": len(kept) + 1, "at": "2026-03-02T13:00:00.000000Z"})
    chained(kept, 12)
    content = {name: signed[1][name] for name in checkpoints.SIGNED}
    content |= {"size": len(kept), "head": kept[-1]["hash"], "at": "2026-03-02T13:30:00.000000Z"}
    fresh = {**content, "hash": canonical.digest(content), "signature": NEW.sign(content)}
    return kept, [*signed, fresh]


def test_a_log_that_was_restored_holds_and_what_was_lost_is_told(
    restored: tuple[Lines, Lines], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, signed = restored
    for kept in (signed, signed[::-1], [*signed, signed[0]]):
        assert verified(tmp_path, rows, kept) == 0
    assert capsys.readouterr().out.splitlines()[:4] == [
        "HOLDS: 14 rows and 2 checkpoints; 0 rows are younger than the last one",
        "LOST: recovery-1 was found at 2026-03-02T13:00:00.000000Z and resumed by person-a and person-b",
        "LOST: checkpoint 2 of 2026-03-02T12:00:00.000000Z counts 20 rows",
        "LOST: checkpoint 3 of 2026-03-02T12:00:00.000000Z counts 30 rows",
    ]


def unsigned(_: Lines, signed: Lines) -> None:
    del signed[-1]


def alone(rows: Lines, signed: Lines) -> None:
    """One person resumed it, and the key's holder signed that."""
    rows[-1]["after"] = {"first": "person-b"}
    chained(rows, 13)
    signed[-1] |= {"head": rows[-1]["hash"]}
    seal(signed[-1], NEW)


def younger(_: Lines, signed: Lines) -> None:
    signed[2]["at"] = "2026-03-02T14:00:00.000000Z"
    seal(signed[2], NEW)


def strangers(_: Lines, signed: Lines) -> None:
    signed[2]["key"] = EVE.public
    seal(signed[2], EVE)


def changed(_: Lines, signed: Lines) -> None:
    signed[2]["head"] = "f" * 64


def apart(_: Lines, signed: Lines) -> None:
    del signed[1]


def seal(one: dict[str, Any], by: checkpoints.Signer) -> None:
    content = {name: one[name] for name in checkpoints.SIGNED}
    one |= {"hash": canonical.digest(content), "signature": by.sign(content)}


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (unsigned, "row 15 is missing at the end"),
        (alone, "row 15 is missing at the end"),
        (younger, "row 15 is missing at the end"),
        (strangers, "checkpoint 3 of a lost log is signed by a key that nothing vouches for"),
        (changed, "checkpoint 3 was changed after it was signed"),
        (apart, "checkpoint 3 of a lost log does not continue one that is known"),
    ],
)
def test_what_no_signed_resume_explains_does_not_hold(
    restored: tuple[Lines, Lines],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    tamper: Callable[[Lines, Lines], None],
    said: str,
) -> None:
    rows, signed = json.loads(json.dumps(restored))
    tamper(rows, signed)
    assert verified(tmp_path, rows, signed) == 1
    assert said in capsys.readouterr().out


def test_a_proof_is_verified_alone_and_a_forged_one_is_not(
    store: Store, log: tuple[Lines, Lines], tmp_path: Path
) -> None:
    from flows import auditing

    proof = auditing.prove(store, 24)
    file = tmp_path / "proof.json"

    def holds(changed: dict[str, Any], key: str = OLD.public) -> bool:
        file.write_text(json.dumps(changed), encoding="utf-8")
        return bool(verifier.main(["--key", key, "--proof", str(file)]) == 0)

    assert holds(proof)
    assert holds(proof, NEW.public)
    assert not holds(proof, EVE.public)
    assert not holds({**proof, "rotations": []})
    assert not holds({**proof, "seq": 25})
    assert not holds({**proof, "entries": proof["entries"][:-1]})
    assert not holds({**proof, "checkpoint": log[1][0]})
    late: Lines = json.loads(json.dumps(proof["entries"]))
    late[0]["actor"] = "somebody else"
    chained_from = [{**one} for one in late]
    chained_from[0]["hash"] = verifier.hash_of(chained_from[0])
    assert not holds({**proof, "entries": late})
    assert not holds({**proof, "entries": chained_from})


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"seq": 1}', '{"seq": 1, "seq": 2}', '{"seq": 1.5}'])
def test_what_is_no_log_does_not_hold(log: tuple[Lines, Lines], tmp_path: Path, text: str) -> None:
    verified(tmp_path, *log)
    (tmp_path / "log").write_text(text, encoding="utf-8")
    arguments = ["--log", str(tmp_path / "log"), "--checkpoints", str(tmp_path / "checkpoints")]
    assert verifier.main(["--key", OLD.public, *arguments]) == 1


def test_it_can_be_read_in_a_sitting_and_needs_only_the_signatures() -> None:
    text = VERIFIER.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 250
    nodes = list(ast.walk(ast.parse(text)))
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module).split(".")[0] for node in nodes if isinstance(node, ast.ImportFrom)}
    assert imported - set(sys.stdlib_module_names) == {"cryptography"}


KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_its_canonical_json_is_ours(value: Any) -> None:
    assert verifier.canonical(value) == canonical.text(value)
