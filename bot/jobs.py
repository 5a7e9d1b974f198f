"""What a worker does for each kind of job: one flow each."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, datetime

from actions.approval import BURSAR
from flows import (
    allocating,
    anomalies,
    auditing,
    collecting,
    digests,
    directory,
    estimating,
    evidence,
    ingestion,
    recovery,
    renewal,
    restating,
    sweeps,
    watching,
)
from flows.desk import Desk
from spend.period import week_of
from storage.snapshots import DeliveryRefused
from storage.tables import Job


def _digest(desk: Desk, job: Job, now: datetime) -> None:
    args = job.args or {}
    week = week_of(date.fromisoformat(args["week"])) if "week" in args else digests.last_week(now.date())
    for team in [args["team"]] if "team" in args else sorted(desk.org.teams):
        digests.publish(desk, team, week, now)


def _detect(desk: Desk, _job: Job, now: datetime) -> None:
    anomalies.look(desk, now)


def _sweep(desk: Desk, _job: Job, now: datetime) -> None:
    sweeps.sweep(desk, now)


def _estimate(desk: Desk, _job: Job, now: datetime) -> None:
    estimating.reconcile(desk, now)
    estimating.look(desk, now)


def _import(desk: Desk, job: Job, now: datetime) -> None:
    actor = job.args.get("actor", BURSAR)
    with suppress(DeliveryRefused):  # it is kept and told; a second try would be refused as well
        if "path" in job.args:
            ingestion.bring_in(desk, [job.args["path"]], source=job.args.get("source"), actor=actor, now=now)
        else:
            ingestion.bring_in_source(desk, job.args["source"], actor=actor, now=now)


def _propose(desk: Desk, job: Job, now: datetime) -> None:
    sweeps.act(desk, job.args["finding"], actor=job.args["actor"], channel=job.args["channel"], now=now)


def _renew(desk: Desk, job: Job, now: datetime) -> None:
    renewal.renew(desk, job.args["plan"], now)


def _directory(desk: Desk, _job: Job, now: datetime) -> None:
    directory.refresh(desk, now)


def _allocate(desk: Desk, _job: Job, now: datetime) -> None:
    allocating.reallocate(desk, now)
    restating.look(desk, now)


def _restate(desk: Desk, _job: Job, now: datetime) -> None:
    restating.look(desk, now)


def _preview_claim(desk: Desk, job: Job, now: datetime) -> None:
    evidence.fill_claim(desk, job.args, now)


def _preview_dispute(desk: Desk, job: Job, now: datetime) -> None:
    evidence.fill_dispute(desk, job.args, now)


def _open_dispute(desk: Desk, job: Job, now: datetime) -> None:
    # Named after its job, so that a repeat after a crash finds the dispute instead of opening another.
    evidence.open_dispute(desk, f"dispute-{job.id.removeprefix('job-')}", job.args, now)


def _reconcile(desk: Desk, _job: Job, now: datetime) -> None:
    recovery.reconcile(desk, now)


def _checkpoint(desk: Desk, _job: Job, now: datetime) -> None:
    auditing.keep(desk, now)


def _collect(desk: Desk, _job: Job, now: datetime) -> None:
    collecting.collect(desk, actor="bursar", now=now)


def _watch(desk: Desk, _job: Job, now: datetime) -> None:
    watching.watch(desk, now)


HANDLERS: Mapping[str, Callable[[Desk, Job, datetime], None]] = {
    "digest": _digest,
    "detect": _detect,
    "sweep": _sweep,
    "import": _import,
    "estimate": _estimate,
    "propose": _propose,
    "replace": _renew,
    "directory": _directory,
    "allocate": _allocate,
    "restate": _restate,
    auditing.JOB: _checkpoint,
    watching.JOB: _watch,
    collecting.JOB: _collect,
    "claim.preview": _preview_claim,
    "dispute.preview": _preview_dispute,
    "dispute.open": _open_dispute,
    "recovery.reconcile": _reconcile,
}
