"""The states of what waits: jobs, messages and snapshots."""

from enum import StrEnum

from spend.moves import Moves


class JobState(StrEnum):
    """A job is taken once at a time, and ends once."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


JOB_MOVES: Moves[JobState] = {
    JobState.PENDING: frozenset({JobState.RUNNING}),
    JobState.RUNNING: frozenset({JobState.DONE, JobState.FAILED, JobState.PENDING}),
}


class MessageState(StrEnum):
    """A message waits until Slack took it, or is dropped with the reason kept."""

    PENDING = "pending"
    SENT = "sent"
    DROPPED = "dropped"


MESSAGE_MOVES: Moves[MessageState] = {
    MessageState.PENDING: frozenset({MessageState.SENT, MessageState.DROPPED}),
}


class SnapshotState(StrEnum):
    """At most one snapshot of a billing period is current; the files of a collected one are gone.

    A staged one has files that nothing reads yet: an import is putting them in their place, or died at it.
    """

    STAGED = "staged"
    CURRENT = "current"
    SUPERSEDED = "superseded"
    COLLECTED = "collected"


SNAPSHOT_MOVES: Moves[SnapshotState] = {
    SnapshotState.STAGED: frozenset({SnapshotState.CURRENT, SnapshotState.COLLECTED}),
    SnapshotState.CURRENT: frozenset({SnapshotState.SUPERSEDED}),
    SnapshotState.SUPERSEDED: frozenset({SnapshotState.COLLECTED}),
}


class RecoveryState(StrEnum):
    """A database that looks restored from an old copy acts on nothing until two people resume it."""

    WAITING = "waiting"
    RESUMED = "resumed"


RECOVERY_MOVES: Moves[RecoveryState] = {RecoveryState.WAITING: frozenset({RecoveryState.RESUMED})}
