"""Signed checkpoints: when they fall due, what they refuse to sign, and what a forged one cannot do."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from spend import canonical
from spend.errors import Conflict, SettingsWrong
from storage import audit, checkpoints, tables
from storage.checkpoints import Line, Signer
from storage.store import Store
from tests.storage.rows import NOON
from tests.storage.tampering import tamper

HOUR = timedelta(hours=1)


def made() -> Signer:
    return checkpoints.signer(checkpoints.generate()[0])


OLD, NEW, EVE = made(), made(), made()


def write(store: Store, count: int = 1) -> None:
    with store.writing(NOON) as unit:
        for _ in range(count):
            unit.record("plan.propose", actor="bursar", subject="plan-1")


def sign(store: Store, by: Signer = OLD, now: datetime = NOON, **how: Any) -> None:
    with store.writing(now) as unit:
        checkpoints.sign(unit, by, **how)


def lines(store: Store) -> list[Line]:
    with store.reading() as session:
        return checkpoints.lines(session)


def due(store: Store, now: datetime) -> bool:
    with store.reading() as session:
        return checkpoints.due(session, now)


def forged(one: Line, by: Signer, **changes: Any) -> Line:
    """A checkpoint with other content, sealed with a key of the forger's own."""
    content = {name: one[name] for name in checkpoints.SIGNED} | {"key": by.public} | changes
    return {**content, "hash": canonical.digest(content), "signature": by.sign(content)}


def test_a_checkpoint_is_due_after_an_hour_or_a_thousand_rows_and_never_without_new_ones(
    store: Store,
) -> None:
    assert not due(store, NOON)
    write(store)
    assert due(store, NOON)
    sign(store)
    assert not due(store, NOON + 5 * HOUR)
    write(store)
    assert not due(store, NOON + HOUR - timedelta(seconds=1))
    assert due(store, NOON + HOUR)
    write(store, checkpoints.MOST_ROWS - 2)
    assert not due(store, NOON)
    write(store)
    assert due(store, NOON)


def test_a_resume_is_signed_at_once_and_once(store: Store) -> None:
    write(store)
    sign(store)
    row: dict[str, Any] = {"id": "recovery-1", "state": "resumed", "reason": "old", "fork": {}, "at": NOON}
    with store.writing(NOON) as unit:
        unit.add(tables.Recovery(**row, resumed_at=NOON + HOUR / 2))
    assert not due(store, NOON + HOUR / 2)  # there is nothing new to sign
    write(store)
    assert due(store, NOON + HOUR / 2)
    sign(store, now=NOON + HOUR / 2)
    write(store)
    assert not due(store, NOON + HOUR)


def test_checkpoints_say_how_long_the_log_is_and_name_one_another(store: Store) -> None:
    write(store, 2)
    sign(store)
    write(store)
    sign(store, now=NOON + HOUR)
    first, second = lines(store)
    with store.reading() as session:
        heads = [row.hash for row in audit.stored(session)]
        assert checkpoints.covering(session, 2).number == 1  # type: ignore[union-attr]  # it is there
        assert checkpoints.covering(session, 3).number == 2  # type: ignore[union-attr]  # it is there
        assert checkpoints.covering(session, 4) is None
    assert [(one["number"], one["size"], one["head"]) for one in (first, second)] == [
        (1, 2, heads[1]),
        (2, 3, heads[2]),
    ]
    assert (first["previous"], second["previous"]) == (audit.GENESIS, first["hash"])
    assert checkpoints.flaw([first, second], [OLD.public]) is None


def test_what_does_not_hold_is_not_signed(owner_store: Store) -> None:
    write(owner_store, 3)
    tamper(owner_store, "UPDATE audit SET subject = 'plan-2' WHERE seq = 2")
    with pytest.raises(Conflict, match=r"No checkpoint is signed, .* row 2 \(plan.propose\) was changed"):
        sign(owner_store)
    assert lines(owner_store) == []


@pytest.mark.parametrize("verb", ["UPDATE {0} SET at = at", "DELETE FROM {0}"])
@pytest.mark.parametrize("table", ["checkpoint", "anchor"])
def test_checkpoints_and_anchors_are_append_only(owner_store: Store, table: str, verb: str) -> None:
    write(owner_store)
    sign(owner_store)
    checkpoints.anchored(owner_store, 1, "slack", "C1/1.2", NOON)
    with pytest.raises(DBAPIError, match="append-only"), owner_store.engine.begin() as connection:
        connection.execute(text(verb.format(table)))


Forge = Callable[[Line, Line, Line], list[Line]]
FORGERIES: dict[str, tuple[Forge, str]] = {
    "a field is changed": (lambda a, b, c: [a, {**b, "size": 9}, c], "checkpoint 2 was changed"),
    "its hash is": (lambda a, b, c: [a, {**b, "hash": audit.GENESIS}, c], "checkpoint 2 was changed"),
    "its signature is": (lambda a, b, c: [{**a, "signature": "00"}, b, c], "checkpoint 1 was changed"),
    "its key is": (lambda a, b, c: [{**a, "key": EVE.public}, b, c], "checkpoint 1 was changed"),
    "its key is none": (lambda a, b, c: [{**a, "key": "no key"}, b, c], "checkpoint 1 was changed"),
    "one is left out": (lambda a, _, c: [a, c], "checkpoint 2 is missing"),
    "the first is left out": (lambda _, b, c: [b, c], "checkpoint 1 is missing"),
    "one is signed anew": (
        lambda a, b, c: [a, forged(b, EVE, size=2), c],
        "checkpoint 3 does not continue checkpoint 2",
    ),
    "the last is signed anew": (lambda a, b, c: [a, b, forged(c, EVE)], "checkpoint 3 is signed by key"),
    "one shrinks": (lambda a, b, c: [a, b, forged(c, OLD, size=1)], "checkpoint 3 does not continue"),
}


@pytest.mark.parametrize(("forge", "words"), FORGERIES.values(), ids=FORGERIES)
def test_a_forged_checkpoint_is_named(store: Store, forge: Forge, words: str) -> None:
    for _ in range(3):
        write(store)
        sign(store)
    first, second, third = lines(store)
    assert checkpoints.flaw([first, second, third], [OLD.public]) is None
    assert words in str(checkpoints.flaw(forge(first, second, third), [OLD.public]))


@pytest.mark.case("V13.3.4")
def test_a_key_hands_over_to_the_next_and_a_verifier_needs_only_one_of_them(store: Store) -> None:
    write(store)
    sign(store, next_key=NEW.public)
    write(store)
    with pytest.raises(Conflict, match=r"but key .* is the one to sign"):
        sign(store, OLD)
    sign(store, NEW)
    with store.reading() as session:
        assert checkpoints.keys(session) == {OLD.public, NEW.public}
    for trusted in ([OLD.public], [NEW.public], [OLD.public, NEW.public]):
        assert checkpoints.flaw(lines(store), trusted) is None
    assert "nothing vouches" in str(checkpoints.flaw(lines(store), [EVE.public]))


def test_a_spent_key_signs_nothing_more_that_counts(store: Store) -> None:
    write(store)
    sign(store, next_key=NEW.public)
    kept = lines(store)
    late = forged(kept[0], OLD, number=2, previous=kept[0]["hash"], next_key=None)
    assert "checkpoint 2 is signed by key" in str(checkpoints.flaw([*kept, late], [OLD.public]))


def test_after_a_lost_key_a_verifier_has_to_be_told_the_new_one(store: Store) -> None:
    write(store)
    sign(store, OLD)
    write(store)
    sign(store, NEW, lost=True)
    assert "checkpoint 2 is signed by key" in str(checkpoints.flaw(lines(store), [OLD.public]))
    assert checkpoints.flaw(lines(store), [OLD.public, NEW.public]) is None


def test_what_another_place_holds_is_compared(store: Store) -> None:
    for _ in range(3):
        write(store)
        sign(store)
    first, second, third = kept = lines(store)
    assert checkpoints.differing(kept, [], "there") is None
    assert checkpoints.differing(kept, [first, first, second], "there") is None
    assert checkpoints.differing(kept, [first, second], "there", given=2) is None
    lacks = "there was given checkpoint 3, and does not hold it"
    assert checkpoints.differing(kept, [first, second], "there", given=3) == lacks
    assert checkpoints.differing(kept, [], "there", given=3) == lacks
    assert "there does not hold checkpoint 1" in str(checkpoints.differing(kept, [second], "there"))
    assert "2, which there holds, is not in" in str(checkpoints.differing([first], [first, second], "there"))
    other = forged(second, EVE)
    assert "2 is not the one that there" in str(checkpoints.differing(kept, [first, other, third], "there"))
    assert "two different checkpoints 2" in str(checkpoints.differing(kept, [first, second, other], "there"))


def test_a_key_is_read_as_base64_and_as_pem() -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    private, public = checkpoints.generate()
    assert checkpoints.signer(private).public == public
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert checkpoints.signer(pem).public == key.public_key().public_bytes_raw().hex()
    assert private not in repr(checkpoints.signer(private))
    one, other = (checkpoints.signer(text).sign({"a": 1}) for text in (private, pem))
    assert (len(one), one == other) == (128, False)
    with pytest.raises(SettingsWrong):
        checkpoints.signer(f"{private[:8]}!{private[8:]}")


@pytest.mark.parametrize(
    "text", ["secret", "c2hvcnQ=", "-----BEGIN PRIVATE KEY-----\nno\n-----END PRIVATE KEY-----"]
)
def test_what_is_no_key_is_refused_without_being_told(text: str) -> None:
    said = (
        r"^environment BURSAR_AUDIT_KEY: this is no Ed25519 private key; "
        r"make one with `bursar audit keygen`\.$"
    )
    with pytest.raises(SettingsWrong, match=said) as told:
        checkpoints.signer(text)
    assert text not in str(told.value)


def test_a_checkpoint_is_checked_from_the_last_one_on(store: Store) -> None:
    write(store, 3)
    sign(store)
    sign(store)
    assert [(one["number"], one["size"]) for one in lines(store)] == [(1, 3), (2, 3)]
    assert lines(store)[0]["head"] == lines(store)[1]["head"]
    assert lines(store)[0]["at"] == "2026-03-02T12:00:00.000000Z"


def test_a_key_that_was_named_as_the_next_signs_as_soon_as_it_can(store: Store) -> None:
    write(store)
    sign(store, next_key=NEW.public)
    assert due(store, NOON)
    sign(store, NEW)
    assert not due(store, NOON)


def test_the_wrong_key_is_told_which_one_is_meant(store: Store) -> None:
    write(store)
    sign(store, OLD)
    mine, meant = checkpoints.key_id(EVE.public), checkpoints.key_id(OLD.public)
    with pytest.raises(Conflict) as told:
        sign(store, EVE)
    assert str(told.value) == (
        f"BURSAR_AUDIT_KEY is key {mine}, but key {meant} is the one to sign; "
        "put that one back, or hand over with `bursar audit rotate`."
    )


def test_a_key_is_called_by_the_first_digits_of_its_hash() -> None:
    assert checkpoints.key_id("00" * 32) == "66687aadf862bd77"


def test_an_unknown_key_is_named_with_the_first_checkpoint_that_it_signed(store: Store) -> None:
    write(store)
    for _ in range(2):
        sign(store, EVE)
    said = f"checkpoint 1 is signed by key {checkpoints.key_id(EVE.public)}, which nothing vouches for"
    assert checkpoints.flaw(lines(store), [OLD.public]) == said
    assert checkpoints.flaw(lines(store), []) is None  # nobody to trust yet: the chain alone is looked at
    assert checkpoints.flaw([], [OLD.public]) is None


def test_each_place_is_brought_what_it_lacks_the_oldest_first(store: Store) -> None:
    for hours in range(3):
        write(store)
        sign(store, now=NOON + hours * HOUR)
    checkpoints.anchored(store, 2, "slack", "C1/1.2", NOON + HOUR)
    checkpoints.anchored(store, 2, "slack", "C1/9.9", NOON + 2 * HOUR)  # the job came back
    checkpoints.anchored(store, 2, "bucket", "0000000002", NOON + HOUR)

    with store.reading() as session:

        def lacking(place: str, **since: datetime) -> list[int]:
            return [one.number for one in checkpoints.unanchored(session, place, **since)]

        assert (lacking("slack"), lacking("file")) == ([1, 3], [1, 2, 3])
        assert (lacking("slack", since=NOON + HOUR), lacking("file", since=NOON + HOUR)) == ([3], [2, 3])
        held = [(one.checkpoint, one.place, one.reference, one.at) for one in checkpoints.anchors(session, 2)]
        assert held == [
            (2, "bucket", "0000000002", NOON + HOUR),
            (2, "slack", "C1/1.2", NOON + HOUR),
        ]
        assert checkpoints.anchors(session, 1) == []
        assert [checkpoints.given(session, place) for place in ("slack", "bucket", "file")] == [2, 2, 0]
        assert checkpoints.first_since(session, NOON + HOUR) == 2
        assert checkpoints.first_since(session, NOON + 3 * HOUR) is None
        first = checkpoints.covering(session, 1)
        assert first is not None
        assert first.number == 1


def test_what_an_earlier_checkpoint_counted_is_not_read_again_to_sign_the_next(owner_store: Store) -> None:
    write(owner_store, 2)
    sign(owner_store)
    tamper(owner_store, "UPDATE audit SET subject = 'plan-2' WHERE seq = 1")
    write(owner_store)
    sign(owner_store)
    assert lines(owner_store)[1]["size"] == 3
    with owner_store.reading() as session:
        assert audit.verify(session).broken == 1
