"""Signed checkpoints: the audit log's length and head at a moment, under a key that the database has not."""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from spend import canonical
from spend.errors import Conflict, SettingsWrong
from storage import audit, tables
from storage.store import Store
from storage.unit import Unit

EVERY, MOST_ROWS = timedelta(hours=1), 1_000
#: What is signed, and what makes the hash that the next checkpoint names.
SIGNED = ("at", "head", "key", "next_key", "number", "previous", "size")
#: A checkpoint outside the database: the signed fields, `hash` and `signature`, times as text.
Line = Mapping[str, Any]
KEYGEN = "make one with `bursar audit keygen`"


@dataclass(frozen=True, slots=True)
class Signer:
    """The private key of the log: it signs, and tells its public half."""

    public: str
    _key: Any

    def sign(self, content: Mapping[str, Any]) -> str:
        """An Ed25519 signature, in hex, over the canonical JSON."""
        signature: bytes = self._key.sign(canonical.encode(content))
        return signature.hex()


def signer(text: str) -> Signer:
    """Read a private key: PEM, or the 32 bytes of an Ed25519 seed as base64.

    Raises:
        SettingsWrong: it is neither.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        if "-----BEGIN" in text:
            key: Any = load_pem_private_key(text.encode(), password=None)
        else:
            key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(text, validate=True))
    except (ValueError, TypeError, binascii.Error, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsWrong(f"environment BURSAR_AUDIT_KEY: this is no Ed25519 private key; {KEYGEN}.")
    return Signer(key.public_key().public_bytes_raw().hex(), key)


def generate() -> tuple[str, str]:
    """A new private key, as base64 for the environment, and its public key in hex."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    return base64.b64encode(key.private_bytes_raw()).decode(), key.public_key().public_bytes_raw().hex()


def key_id(public: str) -> str:
    """What people call a key: the first 16 hex digits of the SHA-256 of the public key."""
    return hashlib.sha256(bytes.fromhex(public)).hexdigest()[:16]


def due(session: Session, now: datetime) -> bool:
    """Whether rows wait for a checkpoint since an hour, or a thousand of them, or a new key for its first.

    A resume is signed at once: until then nobody outside can tell a recorded fork from a forged log.
    """
    last = newest(session)
    if last and last.next_key:
        return True
    waiting = audit.head(session).size - (last.size if last else 0)
    if waiting <= 0 or last is None:
        return waiting > 0
    return waiting >= MOST_ROWS or now - last.at >= EVERY or _resumed_since(session, last.at)


def _resumed_since(session: Session, moment: datetime) -> bool:
    table: Any = tables.Recovery
    return session.execute(select(table.id).where(table.resumed_at > moment).limit(1)).first() is not None


def sign(unit: Unit, by: Signer, *, next_key: str | None = None, lost: bool = False) -> tables.Checkpoint:
    """Check the rows since the last checkpoint, and sign where the log stands.

    Args:
        next_key: the public key that is to sign from the next one on.
        lost: the last key is gone; sign although nothing vouches for this one.

    Raises:
        Conflict: a row does not hold, or another key is the one to sign.
    """
    unit.alone("checkpoint")
    last = newest(unit.session)
    if last and not lost and by.public != heir(last):
        raise Conflict(
            f"BURSAR_AUDIT_KEY is key {key_id(by.public)}, but key {key_id(heir(last))} is the one to sign; "
            "put that one back, or hand over with `bursar audit rotate`."
        )
    start = audit.Mark(last.size, last.head) if last else audit.Mark()
    verdict = audit.verify(unit.session, start)
    if verdict.reason:
        raise Conflict(f"No checkpoint is signed, because the audit log does not hold: {verdict.reason}.")
    content: dict[str, Any] = {
        "at": unit.now,
        "head": verdict.head,
        "key": by.public,
        "next_key": next_key,
        "number": last.number + 1 if last else 1,
        "previous": last.hash if last else audit.GENESIS,
        "size": verdict.rows,
    }
    row = tables.Checkpoint(**content, hash=canonical.digest(content), signature=by.sign(content))
    return unit.add(row)


def heir(last: tables.Checkpoint) -> str:
    """The public key that signs after this checkpoint."""
    return last.next_key or last.key


def newest(session: Session) -> tables.Checkpoint | None:
    """The last checkpoint."""
    table: Any = tables.Checkpoint
    return session.execute(select(table).order_by(table.number.desc()).limit(1)).scalar()


def covering(session: Session, seq: int) -> tables.Checkpoint | None:
    """The first checkpoint that counts this row."""
    table: Any = tables.Checkpoint
    return session.execute(select(table).where(table.size >= seq).order_by(table.number).limit(1)).scalar()


def lines(session: Session) -> list[Line]:
    """All checkpoints of the database, in order, as they are kept elsewhere."""
    table: Any = tables.Checkpoint
    return [line(row) for row in session.execute(select(table).order_by(table.number)).scalars()]


def line(row: tables.Checkpoint) -> Line:
    """A checkpoint as it is kept outside the database."""
    return {name: canonical.data(getattr(row, name)) for name in (*SIGNED, "hash", "signature")}


def flaw(kept: Sequence[Line], trusted: Iterable[str]) -> str | None:
    """What is wrong with a row of checkpoints from the first on, in words; None if it holds.

    A key is vouched for if it is trusted, or if a checkpoint under such a key named it as the next one;
    then the key before it is spent.
    What an unknown key signed holds if a later checkpoint under a key that is vouched for builds on it.
    """
    keys, previous, size = set(trusted), audit.GENESIS, 0
    unproven: Line | None = None
    for number, one in enumerate(kept, 1):
        if one["number"] != number:
            return f"checkpoint {number} is missing"
        if one["previous"] != previous or one["size"] < size:
            return f"checkpoint {number} does not continue checkpoint {number - 1}"
        if not sealed(one):
            return f"checkpoint {number} was changed after it was signed"
        if one["key"] not in keys:
            unproven = unproven or one
        else:
            unproven = None
            if one["next_key"]:
                keys = keys - {one["key"]} | {one["next_key"]}
        previous, size = one["hash"], one["size"]
    if unproven and keys:
        key = key_id(unproven["key"])
        return f"checkpoint {unproven['number']} is signed by key {key}, which nothing vouches for"
    return None


def sealed(one: Line) -> bool:
    """Whether it is as the key that it names signed it; whose key that is has to be asked apart."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    content = {name: one[name] for name in SIGNED}
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(one["key"]))
        key.verify(bytes.fromhex(one["signature"]), canonical.encode(content))
    except (InvalidSignature, ValueError, TypeError):
        return False
    return bool(one["hash"] == canonical.digest(content))


def differing(ours: Sequence[Line], kept: Sequence[Line], place: str, given: int = 0) -> str | None:
    """Where the database's checkpoints are not those that another place kept, in words.

    Args:
        given: the last checkpoint that the place was given.
    """
    there: dict[int, Line] = {}
    for one in kept:
        if there.setdefault(one["number"], one) != one:
            return f"{place} holds two different checkpoints {one['number']}"
    here = {one["number"]: one for one in ours}
    for number in range(1, max(there, default=0) + 1):
        if number not in there:
            return f"{place} does not hold checkpoint {number}, but later ones"
        if number not in here:
            return f"checkpoint {number}, which {place} holds, is not in the database"
        if here[number] != there[number]:
            return f"checkpoint {number} is not the one that {place} holds"
    if given > max(there, default=0):
        return f"{place} was given checkpoint {given}, and does not hold it"
    return None


def first_since(session: Session, moment: datetime) -> int | None:
    """The number of the first checkpoint since then."""
    table: Any = tables.Checkpoint
    return session.execute(select(func.min(table.number)).where(table.at >= moment)).scalar()


def unanchored(session: Session, place: str, since: datetime | None = None) -> list[tables.Checkpoint]:
    """The checkpoints that this place does not hold yet, oldest first."""
    table: Any = tables.Checkpoint
    kept: Any = tables.Anchor
    held = select(kept.checkpoint).where(kept.place == place)
    query = select(table).where(table.number.not_in(held)).order_by(table.number)
    if since is not None:
        query = query.where(table.at >= since)
    return list(session.execute(query).scalars())


def anchored(store: Store, checkpoint: int, place: str, reference: str, now: datetime) -> None:
    """Keep that a place holds a checkpoint, and under which name."""
    with store.writing(now) as unit:
        row = {"checkpoint": checkpoint, "place": place, "reference": reference, "at": now}
        unit.add_once(tables.Anchor, {"id": f"{checkpoint}@{place}", **row})


def given(session: Session, place: str) -> int:
    """The number of the last checkpoint that this place was given; 0 for none."""
    table: Any = tables.Anchor
    query = select(func.max(table.checkpoint)).where(table.place == place)
    return session.execute(query).scalar() or 0


def keys(session: Session) -> set[str]:
    """The public keys under which the database's checkpoints are signed, and are to be."""
    table: Any = tables.Checkpoint
    found = session.execute(select(table.key, table.next_key).distinct())
    return {key for pair in found for key in pair if key}


def anchors(session: Session, checkpoint: int) -> list[tables.Anchor]:
    """Where a checkpoint is held."""
    table: Any = tables.Anchor
    query = select(table).where(table.checkpoint == checkpoint).order_by(table.place)
    return list(session.execute(query).scalars())
