"""Reads which incidents are open from an address that lists them as JSON, such as Alertmanager's."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from actions.errors import Unreadable
from actions.readers.asking import Address, ask


@dataclass(frozen=True, slots=True)
class Incidents:
    """A system that lists its incidents.

    Attributes:
        items: where the list is in the answer (`data.incidents`); empty if the answer is the list.
        title: where an item has its title (`labels.alertname`).
        where: what an item must say to count, by its place: `{"labels.severity": ("critical",)}`.
            An item without that place counts: in doubt there is an incident.
    """

    address: Address
    items: str = ""
    title: str = "title"
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def open(self) -> tuple[str, ...]:
        """The titles of those that are open.

        Raises:
            Unreadable: no answer, or one without the list.
        """
        parts = urlsplit(self.address.url)
        path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        found = _at(ask(self.address, path), self.items)
        if not isinstance(found, list):
            raise Unreadable(f"{self.address.host} gave no list of incidents")
        return tuple(self._counting(found))

    def _counting(self, found: list[Any]) -> Iterator[str]:
        for item in found:
            said = {place: _at(item, place) for place in self.where}
            if all(said[place] is None or str(said[place]) in meant for place, meant in self.where.items()):
                yield str(_at(item, self.title) or "an incident without a title")


def _at(data: Any, place: str) -> Any:
    """What stands at a place such as `labels.severity`, or None."""
    for key in place.split(".") if place else ():
        data = data.get(key) if isinstance(data, Mapping) else None
    return data
