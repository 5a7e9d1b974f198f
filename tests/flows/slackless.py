"""A directory that says what a test tells it to, in the place of Slack."""

from dataclasses import dataclass, field

from actions.approval import Unknown

AWAY = Unknown("Slack does not answer")


@dataclass
class ToldDirectory:
    """Who is in which user group, and who is barred; everybody else is a member in good standing."""

    groups: dict[str, frozenset[str] | Unknown] = field(default_factory=dict)
    people: dict[str, str | Unknown] = field(default_factory=dict)

    def members(self, group: str) -> frozenset[str] | Unknown:
        """As it was told."""
        return self.groups.get(group, Unknown(f"no group {group}"))

    def barred(self, person: str) -> str | Unknown | None:
        """As it was told."""
        return self.people.get(person)
