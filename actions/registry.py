"""Which actions there are, by the name that runbooks call them."""

from types import MappingProxyType

from pydantic import BaseModel

from actions.aws.cap_lambda_concurrency import CapLambdaConcurrency
from actions.aws.delete_volume import DeleteVolume
from actions.aws.mark_volume import MarkVolume
from actions.aws.restore_lambda_concurrency import RestoreLambdaConcurrency
from actions.aws.restore_volume import RestoreVolume
from actions.aws.snapshot_volume import SnapshotVolume
from actions.aws.start_instances import StartInstances
from actions.aws.stop_instances import StopInstances
from actions.aws.unmark_volume import UnmarkVolume
from actions.base import Action
from spend.errors import NotFound

_ALL: tuple[type[Action], ...] = (
    StopInstances,
    StartInstances,
    MarkVolume,
    UnmarkVolume,
    SnapshotVolume,
    DeleteVolume,
    RestoreVolume,
    CapLambdaConcurrency,
    RestoreLambdaConcurrency,
)
ACTIONS: MappingProxyType[str, Action] = MappingProxyType({action.name: action() for action in _ALL})


def action(name: str) -> Action:
    """The action of this name.

    Raises:
        NotFound: there is none.
    """
    if (found := ACTIONS.get(name)) is None:
        raise NotFound(f"There is no action {name}; there are {', '.join(sorted(ACTIONS))}.")
    return found


def params_of(name: str) -> type[BaseModel] | None:
    """What the action takes in `with`, or None where there is no such action: for the runbook loader."""
    return found.Params if (found := ACTIONS.get(name)) else None
