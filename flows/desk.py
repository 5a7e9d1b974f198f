"""What a flow works with: the store, the lake, the clouds and the policy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from actions.approval import Unknown
from actions.base import Clouds
from actions.readers.incidents import Incidents
from actions.readers.prometheus import Prometheus
from flows.org import Org
from runbooks.schema import Runbook
from storage.checkpoints import Signer
from storage.lake import Lake
from storage.store import Store


class Directory(Protocol):
    """Who is who, as Slack says it when it is asked."""

    def members(self, group: str) -> frozenset[str] | Unknown:
        """Who is in a user group."""

    def barred(self, person: str) -> str | Unknown | None:
        """Why a person never counts (deleted, a bot, a guest, of elsewhere), or None."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Given to every flow by `bot/main.py`. The talker's desk has no clouds and opens no lake.

    Attributes:
        clouds: builds cloud clients; None in a process that must not call a cloud.
        runbooks: the runbooks that are in force, by name.
        directory: asks Slack; None where there is none to ask, and only the rows and the settings count.
        authenticators: reads the secrets of the people who enrolled a step-up, by person.
        prometheus: answers the error budgets and the health queries of the settings.
        incidents: lists open incidents; None where only the webhook tells of them.
        signer: signs the audit log's checkpoints; None without a key, and in a process that signs none.
    """

    store: Store
    lake: Lake
    org: Org
    runbooks: Mapping[str, Runbook]
    clouds: Clouds | None = None
    directory: Directory | None = None
    authenticators: Callable[[], Mapping[str, str]] = dict
    signer: Signer | None = field(default=None, repr=False)
    prometheus: Prometheus | None = None
    incidents: Incidents | None = None
