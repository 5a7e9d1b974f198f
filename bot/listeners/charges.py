"""Claim and Dispute on a digest, their modals, and the shortcut in a digest's menu."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.blocks import digest as message
from bot.blocks import kit, modals
from bot.blocks.kit import Block
from bot.delivery import new_try
from bot.listeners.press import Press, on_action, on_submit, once, place, read, told_in
from flows import claims, disputes
from flows.desk import Desk
from spend.digest import Digest
from storage import outbox, tables

CLAIM, DISPUTE = "Claim a charge", "Dispute a charge"
SURFACE = "digest:"


def register(app: App, desk: Desk, now: Callable[[], datetime]) -> None:
    """Listen to everything that a digest lets people do."""
    on_action(app, "charge.claim", ask_claim, desk, now)
    on_action(app, "charge.dispute", ask_dispute, desk, now)
    on_submit(app, "claim.submit", claim, desk, now)
    on_submit(app, "dispute.submit", open_dispute, desk, now)
    app.shortcut("dispute_message")(_shortcut(desk, now))
    app.view("dispute.pick")(_picked(desk, now))


def ask_claim(desk: Desk, press: Press, now: datetime) -> None:
    """Open the claim's modal; a worker fills it with what the claim would take."""
    digest, item = press.item()
    view = press.open(modals.skeleton(CLAIM))
    with told_in(desk, press, view, "claim_view", now):
        claims.ask(desk, digest, item, actor=press.actor, view=view, now=now)


def ask_dispute(desk: Desk, press: Press, now: datetime) -> None:
    """Open the dispute's modal; a worker fills it with the lines."""
    digest, item = press.item()
    view = press.open(modals.skeleton(DISPUTE))
    with told_in(desk, press, view, "dispute_view", now):
        disputes.ask(desk, digest, item, actor=press.actor, view=view, now=now)


def claim(desk: Desk, press: Press, now: datetime) -> None:
    """Claim one charge, or all of its service that nobody owns."""
    digest, item = press.item()
    wide = press.values.get(modals.WIDTH) == "wide"
    claims.claim(desk, digest, item, wide=wide, actor=press.actor, now=now)


def open_dispute(desk: Desk, press: Press, now: datetime) -> None:
    """Open a dispute over one charge."""
    digest, item = press.item()
    disputes.open_one(
        desk,
        digest,
        item,
        reason=press.values.get(modals.REASON, ""),
        proposed_team=press.values.get(modals.TEAM),
        actor=press.actor,
        now=now,
    )


def _shortcut(desk: Desk, now: Callable[[], datetime]) -> Callable[..., None]:
    def listen(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
        """Ask which charge of the digest is meant."""
        with once(desk, body, now()):
            read(desk, body, client, now()).open(_picker(desk, body))
        ack()

    return listen


def _picker(desk: Desk, body: Mapping[str, Any]) -> Block:
    """The question which of the digest's charges is meant; a sentence where it is no digest."""
    with desk.store.reading() as session:
        surface = outbox.surface_at(session, body["channel"]["id"], body["message"]["ts"]) or ""
        row = session.get(tables.Digest, surface.removeprefix(SURFACE))
    if row is None:
        return modals.failed(DISPUTE, "This works on a digest only: open its menu there.")
    charges = [
        (item, f"{move.name} {kit.change(move.change, figure.currency)}")
        for item, figure, move in message.numbered(Digest.from_data(row.figures))
    ]
    return modals.pick(row.id, charges)


def _picked(desk: Desk, now: Callable[[], datetime]) -> Callable[..., None]:
    def listen(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
        """Turn the question into the dispute's modal, which a worker fills."""
        ack(response_action="update", view=modals.skeleton(DISPUTE))  # first: the worker overwrites it
        with once(desk, body, now(), key=new_try(body)):
            press = read(desk, body, client, now())
            view, item = str(press.view), place(press.values.get(modals.CHARGE, ""))
            with told_in(desk, press, view, "dispute_view", now()):
                disputes.ask(desk, press.value, item, actor=press.actor, view=view, now=now())

    return listen
