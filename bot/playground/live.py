"""Tells open pages that something changed, as Server-Sent Events."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from bot.playground.workspace import Workspace

HEARTBEAT_SECONDS: Final = 15.0


class Live:
    """Streams the workspace's version; `close` ends every stream so that the server can stop."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._closed = False

    async def stream(self) -> AsyncIterator[str]:
        """One event now and one after each change; a comment every 15 s keeps the line open."""
        loop, news = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(news.set)

        self._workspace.listen(wake)
        try:
            while not self._closed:
                news.clear()
                yield f"data: {self._workspace.version}\n\n"
                try:
                    await asyncio.wait_for(news.wait(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    yield ": still here\n\n"
        finally:
            self._workspace.release(wake)

    def close(self) -> None:
        """End all streams."""
        self._closed = True
        self._workspace.changed()
