"""Serves the page's own files and what the bot uploaded."""

from importlib.resources import files
from pathlib import PurePosixPath
from typing import Final

from starlette.responses import PlainTextResponse, Response

from bot.playground.records import StoredFile

TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
PICTURES: Final = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif"}


def page_file(name: str) -> Response:
    """One file of the page, or 404; names with a path in them are never found."""
    kind = TYPES.get(PurePosixPath(name).suffix)
    wanted = [item for item in files("bot.playground.page").iterdir() if item.name == name]
    if kind is None or not wanted:
        return PlainTextResponse("no such file", status_code=404)
    return Response(wanted[0].read_bytes(), media_type=kind, headers={"Cache-Control": "no-cache"})


def upload_file(file: StoredFile | None) -> Response:
    """An upload: pictures are shown, anything else is only ever downloaded."""
    if file is None or not file.complete:
        return PlainTextResponse("no such file", status_code=404)
    kind = PICTURES.get(PurePosixPath(file.name).suffix.lower())
    if kind is None:
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{file.name}"}
        return Response(file.content, media_type="application/octet-stream", headers=headers)
    return Response(file.content, media_type=kind)
