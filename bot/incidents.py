"""The door at which other systems tell of incidents: a bearer token, one incident a request."""

import hmac
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

import anyio.to_thread
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from bot.metrics import Metrics
from flows import guarding
from flows.desk import Desk
from storage.incidents import Word

#: Bytes; an incident is a few words.
LARGEST = 10_000
Short = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]


class Said(BaseModel):
    """What a request says: closed, so that a misspelt state opens or closes nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: Short
    title: Short
    source: Short = "webhook"
    state: Literal["open", "closed"]


class IncidentDoor:
    """`POST /incidents`: opens or closes an incident. Who has the token can hold runs back, and no more."""

    def __init__(self, desk: Desk, token: str, metrics: Metrics, now: Callable[[], datetime]) -> None:
        self._desk, self._metrics, self._now = desk, metrics, now
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, self._expected):
            self._metrics.refused.labels("token").inc()
            return PlainTextResponse("invalid token", 401)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST:
                return PlainTextResponse("too large", 413)
        try:
            said = Said.model_validate_json(bytes(body))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            return PlainTextResponse(f"{'.'.join(map(str, first['loc']))}: {first['msg']}\n", 400)
        word = Word(said.id, said.title, said.source, open=said.state == "open")
        await anyio.to_thread.run_sync(guarding.told, self._desk, word, self._now())
        return Response(status_code=204)
