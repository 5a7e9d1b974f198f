"""What a flow works with: the store, the lake, the clouds and the policy."""

from collections.abc import Mapping
from dataclasses import dataclass

from actions.base import Clouds
from flows.org import Org
from runbooks.schema import Runbook
from storage.lake import Lake
from storage.store import Store


@dataclass(frozen=True, slots=True)
class Desk:
    """Given to every flow by `bot/main.py`. The talker's desk has no clouds and opens no lake.

    Attributes:
        clouds: builds cloud clients; None in a process that must not call a cloud.
        runbooks: the runbooks that are in force, by name.
    """

    store: Store
    lake: Lake
    org: Org
    runbooks: Mapping[str, Runbook]
    clouds: Clouds | None = None
