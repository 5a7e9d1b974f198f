"""The step-up outside Slack: a six-digit code of the person's own authenticator (RFC 6238), good for once."""

import base64
import hmac
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from flows.desk import Desk
from spend.errors import Refused
from storage import directory
from storage.unit import Unit

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.twofactor.totp import TOTP

DIGITS, PERIOD = 6, 30
#: Wrong codes that one person may give within this time.
TRIES, WITHIN = 5, timedelta(minutes=15)


def check(desk: Desk, actor: str, code: str | None, now: datetime) -> int:
    """The number of the code that was given, which is still to be used up with the vote.

    Raises:
        Refused: the person has no authenticator, gave too many wrong codes, or this one is wrong.
    """
    secret = desk.authenticators().get(actor)
    if secret is None:
        raise Refused(
            "A deletion in production is approved with a code of your authenticator, and you have none "
            f"here; `bursar stepup enrol {actor}` makes one."
        )
    with desk.store.writing(now) as unit:
        unit.alone(f"step-up of {actor}")
        tries = directory.misses(unit.session, actor, now - WITHIN)
        counter = matching(secret, code or "", now) if tries < TRIES else None
        if counter is None:
            _miss(unit, actor, tries)
    if tries >= TRIES:
        raise Refused("Too many wrong codes; wait a quarter of an hour, then try again.")
    if counter is None:
        raise Refused("This is not the code that your authenticator shows now; nothing was changed.")
    return counter


def _miss(unit: Unit, actor: str, tries: int) -> None:
    if tries < TRIES:  # what comes while the door is shut does not keep it shut
        directory.miss(unit, actor)
    unit.record("stepup.fail", actor=actor, subject=actor, after={"wrong": tries + 1, "of": TRIES})


def burn(unit: Unit, actor: str, counter: int) -> None:
    """Use the code up, in the transaction of what it allows.

    Raises:
        Refused: it was used before.
    """
    if not directory.burn(unit, actor, counter):
        raise Refused("This code was used already; wait for the next one.")


def matching(secret: str, code: str, now: datetime) -> int | None:
    """Which period's code this is: the present one, the one before or the one after; None for no such."""
    given = code.replace(" ", "").encode()
    made = generator(secret)
    for counter in _around(now):
        if hmac.compare_digest(made.generate(counter * PERIOD), given):
            return counter
    return None


def _around(now: datetime) -> Iterator[int]:
    period = int(now.timestamp()) // PERIOD
    yield from (period, period - 1, period + 1)


def generator(secret: str) -> "TOTP":
    """Makes the codes of this secret, as authenticators do unless they are told otherwise."""
    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.hazmat.primitives.twofactor.totp import TOTP

    return TOTP(base64.b32decode(secret), DIGITS, SHA1(), PERIOD)  # noqa: S303 - what authenticators know
