"""The keeping of the audit log: checkpoints and their anchors, verification, proofs, exports, forgetting."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from actions.crash import crashpoint
from flows.desk import Desk
from spend import canonical
from spend.errors import BursarError, NotFound, Refused
from storage import audit, branches, checkpoints, forgetting, outbox, people, recovery, tables
from storage.sources import anchors
from storage.store import Store
from storage.unit import Unit

JOB = "checkpoint"
UNSIGNED = (
    "No checkpoint of the audit log is signed: whoever owns the database could cut off its newest rows, or "
    "write all of it anew, unseen. Set BURSAR_AUDIT_KEY to a key of `bursar audit keygen`."
)
SLACK = "slack"
#: After this time a post that did not reach Slack is not looked for any more.
DELIVERED_WITHIN = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification found.

    Attributes:
        verdict: what the rows say by themselves and against the checkpoints' heads.
        flaw: what is wrong with the checkpoints, or with what other places hold, in words.
        checkpoints: how many there are; the last one counts `covered` rows.
        doubts: what was not proven, in sentences.
        forks: what other places hold of branches that were lost, in sentences.
    """

    verdict: audit.Verdict
    flaw: str | None
    checkpoints: int
    covered: int
    doubts: tuple[str, ...]
    forks: tuple[str, ...] = ()

    @property
    def reason(self) -> str | None:
        """What is wrong, or None."""
        return self.verdict.reason or self.flaw


def look(desk: Desk, now: datetime) -> None:
    """Queue the next checkpoint when it is due, and note which ones reached Slack."""
    if desk.signer is None:
        return
    with desk.store.reading() as session:
        due = checkpoints.due(session, now)
        last = checkpoints.newest(session)
        posted = _delivered(session, now)
    for number, reference in posted.items():
        checkpoints.anchored(desk.store, number, SLACK, reference, now)
    if due:
        # The hour is in the key: a checkpoint that could not be signed is tried again in the next one.
        with desk.store.writing(now) as unit:
            unit.enqueue(JOB, f"{last.number + 1 if last else 1}:{now:%Y-%m-%dT%H}")


def _delivered(session: Any, now: datetime) -> dict[int, str]:
    found = {}
    for row in checkpoints.unanchored(session, SLACK, since=now - DELIVERED_WITHIN):
        if stands := outbox.surface(session, _surface(row.number)):
            found[row.number] = f"{stands.channel}/{stands.ts}"
    return found


def keep(desk: Desk, now: datetime) -> None:
    """Sign a checkpoint if one is due, tell finance, and put what is not kept elsewhere yet in its places.

    Raises:
        Refused: a row does not hold, or the key is not the one to sign.
        BursarError: a place does not take it; the job comes back.
    """
    if desk.signer is None:
        return
    with desk.store.writing(now) as unit:
        if checkpoints.due(unit.session, now):
            _tell(desk, unit, checkpoints.sign(unit, desk.signer))
    refusals = []
    for name in desk.org.anchors:
        try:
            _anchor(desk, name, now)
        except BursarError as refusal:  # the other places have to be asked all the same
            refusals.append(refusal)
    if refusals:
        raise refusals[0]


def _anchor(desk: Desk, name: str, now: datetime) -> None:
    with desk.store.reading() as session:
        waiting = checkpoints.unanchored(session, name)
        branch = recovery.branch(session)
    if not waiting:
        return
    with closing(anchors.place(name).put([checkpoints.line(row) for row in waiting], branch)) as kept:
        for row, reference in zip(waiting, kept, strict=True):
            crashpoint("checkpoint.placed")
            checkpoints.anchored(desk.store, row.number, name, reference, now)


def _tell(desk: Desk, unit: Unit, row: tables.Checkpoint) -> None:
    """Post it in finance's channel; those of one day stand in one thread."""
    first = checkpoints.first_since(unit.session, row.at.replace(hour=0, minute=0, second=0, microsecond=0))
    line = canonical.text(checkpoints.line(row))
    text = f"Checkpoint {row.number} of the audit log: {row.size:,} rows. `{line}`"
    unit.send(
        "post",
        "sentence",
        "",
        channel=desk.org.finance_channel,
        surface=_surface(row.number),
        thread=None if first in {None, row.number} else _surface(first),
        args={"text": text},
    )


def _surface(number: int | None) -> str:
    return f"checkpoint:{number}"


def rotate(
    desk: Desk, by: checkpoints.Signer, *, to: str | None, actor: str, reason: str, now: datetime
) -> tables.Checkpoint:
    """Hand the signing over: the last checkpoint under the old key names the next one.

    Args:
        by: the old key; or the new one, where the old one is lost and nothing can vouch for it.
        to: the public key that signs from now on; None where the old key is lost.

    Raises:
        Refused: it is no public key, or `by` is not the key that signs.
    """
    if to is not None and not _is_key(to):
        raise Refused("That is no public key: give the 64 hex digits that `bursar audit keygen` prints.")
    if not reason.strip():
        raise Refused("Say why the key changes; the audit log keeps it.")
    with desk.store.reading() as session:
        last = checkpoints.newest(session)
    before = {"key": checkpoints.key_id(checkpoints.heir(last))} if last else None
    after = {"key": checkpoints.key_id(to or by.public), "vouched": to is not None}
    with desk.store.writing(now) as unit:
        unit.record(
            "checkpoint.rotate", actor=actor, subject="audit", before=before, after=after, reason=reason
        )
    with desk.store.writing(now) as unit:
        row = checkpoints.sign(unit, by, next_key=to, lost=to is None)
        _tell(desk, unit, row)
    return row


def _is_key(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) == len(audit.GENESIS) // 2
    except ValueError:
        return False


def verify(
    store: Store, *, trusted: Sequence[str], places: Sequence[str], since: int | None = None
) -> Report:
    """Check rows, checkpoints, and what other places hold of them.

    Args:
        trusted: public keys that the caller knows to be the log's.
        since: a checkpoint that was verified before: the rows up to it are not read again.

    Raises:
        NotFound: there is no such checkpoint, or a place cannot be read.
    """
    with store.reading() as session:
        ours = checkpoints.lines(session)
        flaw = checkpoints.flaw(ours, trusted)
        signed = {} if flaw else {one["size"]: one["head"] for one in ours}
        verdict = audit.verify(session, _mark(ours, since), signed)
        covered = ours[-1]["size"] if ours else 0
        accepted = [] if flaw or verdict.reason else branches.resumed(session, covered)
        given = {name: checkpoints.given(session, name) for name in places}
    kept = {name: branches.apart(ours, anchors.place(name).read(), accepted) for name in places}
    for name, held in kept.items():
        flaw = flaw or branches.flaw(ours, held.lost, trusted, name)
        flaw = flaw or checkpoints.differing(ours, held.ours, name, given[name])
    doubts = [*_doubts(covered, verdict.rows, trusted=bool(trusted)), *_unkept(len(ours), kept)]
    return Report(verdict, flaw, len(ours), covered, tuple(doubts), tuple(_forks(accepted, kept)))


def _forks(accepted: Sequence[branches.Resumed], kept: Mapping[str, branches.Held]) -> Iterator[str]:
    """Whoever reads a verification has to know that rows were lost, however well that is recorded."""
    for fork in accepted:
        yield (
            f"The database was restored from an old copy, found at {fork.at} and resumed by two people: "
            f"`bursar audit show {fork.id}` tells the rest."
        )
    for name, held in kept.items():
        if held.lost:
            numbers = sorted({one["number"] for one in held.lost})
            rows = max(one["size"] for one in held.lost)
            yield f"{name} holds checkpoints {numbers} of what was lost, which count up to row {rows}."


def _mark(ours: Sequence[checkpoints.Line], since: int | None) -> audit.Mark:
    if since is None:
        return audit.Mark()
    for one in ours:
        if one["number"] == since:
            return audit.Mark(one["size"], one["head"])
    raise NotFound(f"There is no checkpoint {since}; the last one is {len(ours)}.")


def _doubts(covered: int, rows: int, *, trusted: bool) -> Iterator[str]:
    if not covered:
        yield UNSIGNED
        return
    if not trusted:
        yield "No public key is known here, so anybody may have signed the checkpoints; name it with --key."
    if rows > covered:
        yield f"What was written after row {covered} waits for the next checkpoint."


def _unkept(last: int, kept: Mapping[str, branches.Held]) -> Iterator[str]:
    if last and not kept:
        yield "The checkpoints were compared with no other place; name one with --anchors."
    for name, held in kept.items():
        if (newest := max((one["number"] for one in held.ours), default=0)) < last:
            yield f"{name} holds the checkpoints up to {newest}, and the last one is {last}."


def prove(store: Store, seq: int) -> dict[str, Any]:
    """A row, those after it up to the next checkpoint, and that checkpoint: verifiable by itself.

    Raises:
        NotFound: there is no such row, or no checkpoint counts it yet.
    """
    with store.reading() as session:
        covering = checkpoints.covering(session, seq) if seq > 0 else None
        if covering is None:
            raise NotFound(f"No checkpoint counts row {seq} yet; one is signed within an hour of a new row.")
        found = audit.stored(session, after=seq - 1, upto=covering.size)
        entries = [json.loads(row.spelled()) for row in found]
        rotations = [one for one in checkpoints.lines(session) if one["next_key"]]
    return {
        "seq": seq,
        "entries": entries,
        "checkpoint": checkpoints.line(covering),
        "rotations": [one for one in rotations if one["number"] < covering.number],
    }


def downloaded(desk: Desk, *, actor: str, what: dict[str, Any], now: datetime) -> None:
    """Keep that somebody takes the log out, before the first row leaves."""
    with desk.store.writing(now) as unit:
        unit.record("export.download", actor=actor, subject="audit", after=what)


def viewed(desk: Desk, *, actor: str, subject: str, what: dict[str, Any], now: datetime) -> None:
    """Keep that somebody read amounts of money."""
    with desk.store.writing(now) as unit:
        unit.record("report.view", actor=actor, subject=subject, after=what)


def exported(store: Store, *, named: bool) -> Iterator[dict[str, Any]]:
    """The whole log in order; under pseudonyms it can be verified outside, with names it can be read."""
    with store.reading() as session:
        if named:
            yield from (canonical.data(row) for row in audit.rows(session))
        else:
            yield from (json.loads(row.spelled()) for row in audit.stored(session))


def signed(store: Store) -> list[checkpoints.Line]:
    """All checkpoints, as they are kept elsewhere."""
    with store.reading() as session:
        return checkpoints.lines(session)


def forget(desk: Desk, person: str, *, actor: str, now: datetime) -> str:
    """Cut the link between a person and their pseudonym, which it tells; the hashes stay valid.

    What is over holds the pseudonym from here on, but for what was approved by its hash.

    Raises:
        NotFound: the log does not know this person.
        Refused: something that is open needs to know them.
    """
    with desk.store.writing(now) as unit:
        pseudonym = people.forget(unit.session, person, now)
        forgetting.unlink(unit.session, person, pseudonym, now)
        unit.record("person.forget", actor=actor, subject=pseudonym)
    return pseudonym
