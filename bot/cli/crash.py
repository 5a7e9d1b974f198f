"""Keeps an unforeseen error in a file, so that a person reads one line and no traceback."""

import traceback

from bot.settings import home
from storage import ids


def keep(error: Exception) -> str:
    """Write the traceback under `BURSAR_HOME/log`, and say so in a sentence."""
    key = ids.new("error")
    file = home() / "log" / f"{key}.txt"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError:
        return (
            f"Something unexpected happened ({type(error).__name__}: {error}), and {file} cannot be written."
        )
    return f"Something unexpected happened ({type(error).__name__}); {file} has the details."
