"""Templates by name: each reads the rows it needs and draws one message from them as they are now."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from bot import charts
from bot.blocks import (
    digest,
    digest_detail,
    dispute,
    finding,
    home,
    kit,
    modals,
    plan,
    plan_detail,
    restated,
    say,
    watched,
)
from bot.blocks import recovery as restored
from bot.blocks import standing as ahead
from bot.rendered import Image, Rendered, Template
from flows import automatic, dispatch, overview, recovery
from flows.desk import Desk
from flows.undo import STANDING
from spend.digest import Digest
from spend.errors import NotFound
from spend.restatement import Restatement
from storage import blast, plans, tables
from storage import say as owners
from storage.store import Store
from storage.tables import Message

#: How long a push text may be.
PUSH = 150


def _said(text: str) -> str:
    return kit.name(text, PUSH)


def _digest(desk: Desk, message: Message, _now: datetime) -> Rendered:
    row = _row(desk.store, tables.Digest, message.subject)
    shown = Digest.from_data(row.figures)
    alt = charts.alt(shown)
    text, blocks = digest.draw(row.id, shown, alt)
    png = charts.digest_png(shown)
    image = Image(png, alt, digest.chart_title(shown)) if png and alt else None
    return Rendered(text, blocks, image=image)


def _digest_detail(desk: Desk, message: Message, _now: datetime) -> Rendered:
    row = _row(desk.store, tables.Digest, message.subject)
    text, blocks = digest_detail.draw(row.id, Digest.from_data(row.figures))
    return Rendered(text, blocks)


def _digest_restated(desk: Desk, message: Message, _now: datetime) -> Rendered:
    told = Restatement.from_data(_args(message))
    text, blocks = restated.draw(message.subject, told, dispute.title(desk.org, told.team))
    return Rendered(text, blocks)


def _finding(desk: Desk, message: Message, _now: datetime) -> Rendered:
    text, blocks = finding.notice(_row(desk.store, tables.Finding, message.subject), desk.org)
    return Rendered(_said(text), blocks)


def card(desk: Desk, key: str, now: datetime) -> plan.Card:
    """What the card of a plan is drawn from.

    Raises:
        NotFound: there is no such plan.
    """
    with desk.store.reading() as session:
        if (row := session.get(tables.Plan, key)) is None:
            raise NotFound(f"There is no plan {key}.")
        undos, loaded = plans.find(session, undo_of=key), plans.load(row)
        return plan.Card(
            plan=loaded,
            org=desk.org,
            now=now,
            votes=plans.votes(session, key),
            steps=plans.steps(session, key),
            ended_at=row.ended_at,
            outcome=row.outcome,
            undone=any(undo.state in STANDING for undo in undos),
            next_wave_at=row.next_wave_at,
            not_before=row.not_before,
            warned=owners.warnings(session, key),
            keeps=owners.held(session, loaded, now),
            waits_for=dispatch.waits_for(session, row),
            used=blast.total(blast.of_day(session, desk.org.caps.day(now))),
        )


def _warned(desk: Desk, message: Message, now: datetime) -> Rendered:
    row = _row(desk.store, tables.Warned, message.subject)
    at = _row(desk.store, tables.Plan, row.plan)
    with desk.store.reading() as session:
        keeps = owners.keeps_on(session, row.targets, now)
    text, blocks = say.draw(say.Told(row, plans.load(at), desk.org, at.not_before, keeps))
    return Rendered(_said(text), blocks)


def _plan(desk: Desk, message: Message, now: datetime) -> Rendered:
    text, blocks = plan.draw(card(desk, message.subject, now))
    return Rendered(_said(text), blocks)


def _plan_detail(desk: Desk, message: Message, now: datetime) -> Rendered:
    text, blocks, plain = plan_detail.draw(card(desk, message.subject, now))
    return Rendered(_said(text), blocks, plain=plain)


def _run_told(desk: Desk, message: Message, now: datetime) -> Rendered:
    drawn = card(desk, message.subject, now)
    text = plan_detail.told(drawn.plan, _args(message).get("names", ()), desk.org)
    return Rendered(_said(f"{drawn.plan.title}: {drawn.plan.state}"), [kit.section(text)])


def _standing(desk: Desk, message: Message, now: datetime) -> Rendered:
    row = _row(desk.store, tables.Standing, message.subject)
    with desk.store.reading() as session:
        text, blocks = ahead.draw(automatic.view(desk, session, row, now), desk.org)
    return Rendered(_said(text), blocks)


def _recovery(desk: Desk, message: Message, _now: datetime) -> Rendered:
    return Rendered(*restored.draw(recovery.view(desk, message.subject)))


def _watched(desk: Desk, message: Message, _now: datetime) -> Rendered:
    return Rendered(*watched.draw(_row(desk.store, tables.Watched, message.subject)))


def _dispute(desk: Desk, message: Message, _now: datetime) -> Rendered:
    text, blocks = dispute.first(_row(desk.store, tables.Dispute, message.subject), desk.org)
    return Rendered(_said(text), blocks)


def _dispute_restated(desk: Desk, message: Message, _now: datetime) -> Rendered:
    row = _row(desk.store, tables.Dispute, message.subject)
    text = dispute.restated(row, _args(message))
    return Rendered("The bill behind a dispute was restated", [kit.section(text)])


def _dispute_ruled(desk: Desk, message: Message, _now: datetime) -> Rendered:
    row = _row(desk.store, tables.Dispute, message.subject)
    return Rendered(dispute.push(row, desk.org), [kit.section(dispute.told(row, desk.org))])


def _claim(desk: Desk, message: Message, _now: datetime) -> Rendered:
    row = _row(desk.store, tables.Ownership, message.subject)
    what = " · ".join(kit.name(part) for part in (row.service, row.resource) if part) or "everything"
    team = kit.name(dispute.title(desk.org, row.team))
    account = f" in account {plan.account(desk.org, row.account)}" if row.account else ""
    text = (
        f"{kit.person(row.claimed_by)} claimed *{what}*{account} for *{team}*, "
        f"from {kit.day(row.valid_from)} on. "
        "Nobody owned it before. If it belongs to another team, that team can dispute it."
    )
    return Rendered(f"{team} claimed a charge", [kit.section(text)])


def _sentence(_desk: Desk, message: Message, _now: datetime) -> Rendered:
    text = kit.sentence(_args(message).get("text") or "")
    return Rendered(text, [kit.section(text)])


def _home(desk: Desk, message: Message, now: datetime) -> Rendered:
    seen = overview.look(desk, actor=message.person or message.subject, now=now)
    return Rendered("Bursar", view=home.page(seen, desk.org, now))


def _claim_view(_desk: Desk, message: Message, _now: datetime) -> Rendered:
    return Rendered("Claim a charge", view=modals.claim(_args(message)))


def _dispute_view(desk: Desk, message: Message, _now: datetime) -> Rendered:
    return Rendered("Dispute a charge", view=modals.dispute(_args(message), desk.org))


def _args(message: Message) -> Mapping[str, Any]:
    return message.args or {}


def _row(store: Store, table: Any, key: str) -> Any:
    with store.reading() as session:
        if (row := session.get(table, key)) is None:
            raise NotFound(f"There is no {table.__tablename__} {key}.")
        return row


BUILT: Final[Mapping[str, Template]] = {
    "claim": _claim,
    "claim_view": _claim_view,
    "digest": _digest,
    "digest_detail": _digest_detail,
    "digest_restated": _digest_restated,
    "dispute": _dispute,
    "dispute_restated": _dispute_restated,
    "dispute_ruled": _dispute_ruled,
    "dispute_view": _dispute_view,
    "finding": _finding,
    "home": _home,
    "plan": _plan,
    "plan_detail": _plan_detail,
    "recovery": _recovery,
    "run_told": _run_told,
    "sentence": _sentence,
    "standing": _standing,
    "warned": _warned,
    "watched": _watched,
}
