"""Sends the bot what Slack would send: signed requests over HTTP, given up after three seconds."""

import http.client
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from slack_sdk.signature import SignatureVerifier

from bot.playground.faults import Faults
from bot.playground.limits import ACK_SECONDS

Json = dict[str, Any]
FORM: Final = "application/x-www-form-urlencoded"
PATH: Final = "/slack/events"
TIMED_OUT: Final = "operation_timeout"


@dataclass(frozen=True)
class Answer:
    """What the bot said to one request.

    Attributes:
        status: the HTTP status, or None when no answer came.
        ack_ms: milliseconds until the answer, or until the person gave up.
        body: the JSON or the text of the answer; None when it is empty.
        error: `operation_timeout`, `connection_failed`, `http_404` …, or None when all is well.
    """

    status: int | None
    ack_ms: int
    body: Any
    error: str | None

    def as_json(self) -> Json:
        """The answer as the control surface gives it."""
        shape: Json = {"ok": self.error is None, "ack_ms": self.ack_ms, "response": self.body}
        return shape | ({"error": self.error} if self.error else {})


class Delivery:
    """The road to the bot.

    Args:
        bot_url: where the bot answers, without the path.
        signing_secret: what requests are signed with.
        clock: seconds since the epoch; it dates the signature.
        faults: whether the next request must arrive twice.
    """

    def __init__(self, bot_url: str, signing_secret: str, clock: Callable[[], float], faults: Faults) -> None:
        self._address = urlsplit(bot_url)
        self._signer = SignatureVerifier(signing_secret)
        self._clock = clock
        self._faults = faults

    def interaction(self, payload: Json) -> Answer:
        """Send an interaction: a form with one field that holds JSON."""
        return self._send(urlencode({"payload": json.dumps(payload)}), FORM)

    def command(self, fields: Mapping[str, str]) -> Answer:
        """Send a slash command: plain form fields."""
        return self._send(urlencode(fields), FORM)

    def event(self, envelope: Json) -> Answer:
        """Send an event callback as JSON."""
        return self._send(json.dumps(envelope), "application/json")

    def _send(self, body: str, content_type: str) -> Answer:
        answers = [self._post(body, content_type, attempt) for attempt in range(self._faults.copies())]
        return answers[0]  # a second delivery carries Slack's retry headers; the person sees the first answer

    def _headers(self, body: str, content_type: str, attempt: int) -> dict[str, str]:
        stamp = str(int(self._clock()))
        signature = self._signer.generate_signature(timestamp=stamp, body=body)
        headers = {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": str(signature),
        }
        if attempt:
            headers |= {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": "http_timeout"}
        return headers

    def _post(self, body: str, content_type: str, attempt: int) -> Answer:
        place = self._address
        began = time.perf_counter()
        link = http.client.HTTPConnection(place.hostname or "", place.port, timeout=ACK_SECONDS)
        try:
            link.request(
                "POST", place.path.rstrip("/") + PATH, body, self._headers(body, content_type, attempt)
            )
            reply = link.getresponse()
            said = reply.read()
        except TimeoutError:
            return Answer(None, _since(began), None, TIMED_OUT)
        except OSError:
            return Answer(None, _since(began), None, "connection_failed")
        finally:
            link.close()
        took = _since(began)
        if reply.status != HTTPStatus.OK:
            late = took >= ACK_SECONDS * 1000
            return Answer(reply.status, took, _parsed(said), TIMED_OUT if late else f"http_{reply.status}")
        return Answer(reply.status, took, _parsed(said), None)


def _since(began: float) -> int:
    return round((time.perf_counter() - began) * 1000)


def _parsed(said: bytes) -> Any:
    text = said.decode(errors="replace").strip()
    if not text:
        return None
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
