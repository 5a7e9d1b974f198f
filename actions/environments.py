"""What tags say about a thing: its environment, and whether it is protected, however they are spelt."""

import re
from collections.abc import Collection, Mapping

#: Tags that protect a thing from every runbook.
PROTECTED = ("bursar:protect", "do-not-stop", "do-not-delete", "remediation=exempt")
_ENVIRONMENT = frozenset({"environment", "env"})
_PRODUCTION = ("prod", "prd", "live")


def spelt(text: str) -> str:
    """A tag's key or value without letter case, outer spaces, and the choice of space, `_` or `-`."""
    joined = re.sub(r"[\s_-]+", "-", text.strip().casefold())
    return re.sub(r"-*([:=])-*", r"\1", joined).strip("-")


def environments(tags: Mapping[str, str]) -> frozenset[str]:
    """Every environment that the tags name; empty where they name none."""
    return frozenset(spelt(value) for key, value in tags.items() if spelt(key) in _ENVIRONMENT)


def is_within(tags: Mapping[str, str], wanted: Collection[str]) -> bool:
    """Whether the tags name an environment, and none but the wanted ones."""
    found = environments(tags)
    return bool(found) and found <= {spelt(name) for name in wanted}


def is_production(tags: Mapping[str, str]) -> bool:
    """Whether any tag names production; in doubt (`prod-eu`, `pre-prod`) it does."""
    return any(
        part.startswith(_PRODUCTION) for name in environments(tags) for part in re.split(r"[^a-z0-9]+", name)
    )


def protection(tags: Mapping[str, str], never: Collection[str] = ()) -> str | None:
    """The tag that protects a thing, as it is written there, or None."""
    return next((found for pattern in (*PROTECTED, *never) if (found := bearing(tags, pattern))), None)


def bearing(tags: Mapping[str, str], pattern: str) -> str | None:
    """The tag that a pattern means, as it is written there, or None.

    A pattern is `key` (whatever its value: even "no" shows that somebody thought of it) or `key=value`.
    """
    key, equals, value = pattern.partition("=")
    for name, text in tags.items():
        if spelt(name) == spelt(key) and (not equals or spelt(text) == spelt(value)):
            return f"{name}={text}" if text else name
    return None
