"""Targets and runbooks for tests that need no cloud."""

from decimal import Decimal
from typing import Any

from actions.base import Target
from actions.registry import params_of
from runbooks import loader
from runbooks.schema import Runbook
from tests.actions.world import ACCOUNT, REGION


def target(name: str, **changes: Any) -> Target:
    """A running development instance."""
    given: dict[str, Any] = {
        "id": name,
        "account": ACCOUNT,
        "region": REGION,
        "kind": "instance",
        "name": f"box {name}",
        "identity": f"made {name}",
        "state": "running",
        "tags": {"Environment": "dev", "Owner": "team-a"},
        "facts": {"root": "ebs", "lifecycle": "on-demand"},
        "monthly_cost": Decimal(40),
    }
    return Target(**{**given, **changes})


def volume(name: str, **changes: Any) -> Target:
    """An unattached development volume."""
    return target(name, kind="volume", state="available", facts={"size": "20"}, **changes)


def runbook(name: str = "stop-idle-dev") -> Runbook:
    """A runbook as it is shipped."""
    return loader.load_all(params_of=params_of)[name]
