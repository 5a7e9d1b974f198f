"""Tells which functions run away: too many at once, or too many calls in all."""

from datetime import UTC, datetime, timedelta
from typing import Any, Self

from pydantic import Field, model_validator

from actions.aws.metrics import HOUR, Query, Span, read
from actions.base import Params


class CapParams(Params):
    """The cap, and above which figures a function counts as running away; at least one of them."""

    limit: int = Field(ge=1, le=1000)
    peak_above: int | None = Field(default=None, ge=1)
    invocations_above: int | None = Field(default=None, ge=1)
    over_hours: int = Field(default=24, ge=1, le=336)

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.peak_above is None and self.invocations_above is None:
            raise ValueError("give peak_above or invocations_above; without a bound every function runs away")
        return self


def running_away(
    cloudwatch: Any, where: str, names: list[str], params: CapParams, now: datetime
) -> dict[str, str]:
    """Which functions exceed a bound, with the evidence; no figure is no evidence."""

    def of(name: str, metric: str, stat: str) -> Query:
        return Query("AWS/Lambda", metric, "FunctionName", name, stat)

    end = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    wanted = [
        query
        for n in names
        for query in (of(n, "ConcurrentExecutions", "Maximum"), of(n, "Invocations", "Sum"))
    ]
    found = read(cloudwatch, where, wanted, Span(end - timedelta(hours=params.over_hours), end, HOUR))
    away: dict[str, str] = {}
    for name in names:
        peak = max(found[of(name, "ConcurrentExecutions", "Maximum")].values(), default=0)
        calls = sum(found[of(name, "Invocations", "Sum")].values())
        many_at_once = params.peak_above is not None and peak > params.peak_above
        many_in_all = params.invocations_above is not None and calls > params.invocations_above
        if many_at_once or many_in_all:
            away[name] = (
                f"{peak:.0f} at once and {calls:,.0f} calls in {params.over_hours} hours, without a cap"
            )
    return away
