"""`python -m tests.pictures URL`: takes the README's pictures from a demo that was just started."""

import sys
from pathlib import Path
from typing import Any

from bot.demo import company
from bot.playground.client import Player
from tests.bot.playground.browser import Browser

FOLDER = Path(__file__).parent.parent / "docs" / "images"
#: A run of a few waves, on a slow machine.
RUN_WITHIN = 90


def main(url: str) -> None:
    """Approve the plan that stops idle machines, and photograph what people see then."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    at_checkout = {"person": company.ADA.id, "channel": company.CHECKOUT.id}
    browser = Browser(1280, 1160)
    try:
        digest = _first(url, company.ADA.id, company.CHECKOUT.name, "Dispute")
        _take(browser, url, digest, **at_checkout, name="digest.png")
        plan = _stopped(url)
        browser.size(1280, 620)
        _take(browser, url, plan, person=company.CARO.id, channel=company.ONCALL.id, name="approval.png")
        browser.size(375, 1160)
        _take(browser, url, digest, **at_checkout, name="phone.png")
        assert browser.errors == []
    finally:
        browser.close()


def _first(url: str, person: str, channel: str, label: str, title: str = "") -> str:
    """The newest message of a channel with a button of this label."""
    seen = [
        message
        for message in Player(url, person).messages(channel)
        if label in _labels(message["blocks"]) and title in str(message["blocks"])
    ]
    return str(seen[-1]["ts"])


def _labels(blocks: list[dict[str, Any]]) -> set[str]:
    """What stands on the buttons of a message."""
    things = [each for block in blocks for each in (*block.get("elements", []), block.get("accessory"))]
    texts = [each.get("text") for each in things if isinstance(each, dict)]
    return {text["text"] for text in texts if isinstance(text, dict)}


def _stopped(url: str) -> str:
    """Approve as the on-call engineer, and wait until the run has ended; its card."""
    caro, room = Player(url, company.CARO.id), company.ONCALL.name
    card = _first(url, caro.person, room, "Approve", "Stop idle development instances")
    caro.click(room, "Approve", ts=card)

    def ended(player: Player) -> bool:
        return any(one["ts"] == card and "Undo" in _labels(one["blocks"]) for one in player.messages(room))

    caro.until(ended, RUN_WITHIN)
    return card


def _take(browser: Browser, url: str, ts: str, *, person: str, channel: str, name: str) -> None:
    """Photograph a channel with this message at the top."""
    browser.open(f"{url}/?as={person}&channel={channel}")
    shown = f"document.querySelector('[data-ts=\"{ts}\"]')"
    browser.until(shown)
    pictures = "[...document.images].every((one) => one.complete && one.naturalWidth)"
    browser.until(pictures)
    browser.run(f"{shown}.scrollIntoView({{block: 'start'}})")
    browser.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    browser.picture(FOLDER / name)


if __name__ == "__main__":
    main(sys.argv[1])
