"""Reads CloudWatch in batches; a figure that did not come is missing, never zero."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from actions.clouds import answer
from actions.errors import Unreadable

DAY = 86_400
HOUR = 3_600
#: What one GetMetricData takes.
MOST_QUERIES = 500


@dataclass(frozen=True, slots=True)
class Query:
    """One figure of one thing: `Query("AWS/EC2", "CPUUtilization", "InstanceId", "i-…", "Average")`."""

    namespace: str
    metric: str
    dimension: str
    value: str
    stat: str


@dataclass(frozen=True, slots=True)
class Span:
    """From when until when, in periods of so many seconds."""

    start: datetime
    end: datetime
    period: int = DAY


Series = dict[datetime, float]


def read(cloudwatch: Any, what: str, wanted: Sequence[Query], span: Span) -> dict[Query, Series]:
    """Each figure by the start of its period; a period without data is absent.

    Raises:
        Unreadable: CloudWatch did not answer, or not in full.
    """
    found: dict[Query, Series] = {query: {} for query in wanted}
    for first in range(0, len(wanted), MOST_QUERIES):
        batch = wanted[first : first + MOST_QUERIES]
        complete: dict[str, bool] = {}
        for result in _results(cloudwatch, what, batch, span):
            series = found[batch[int(result["Id"][1:])]]
            for at, value in zip(result["Timestamps"], result["Values"], strict=True):
                series[at.astimezone(UTC)] = float(value)
            complete[result["Id"]] = result.get("StatusCode") == "Complete"
        if len(complete) != len(batch) or not all(complete.values()):
            raise Unreadable(f"the metrics of {what} came only in part")
    return found


def _results(cloudwatch: Any, what: str, batch: Sequence[Query], span: Span) -> Iterator[Any]:
    queries = [
        {
            "Id": f"q{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": query.namespace,
                    "MetricName": query.metric,
                    "Dimensions": [{"Name": query.dimension, "Value": query.value}],
                },
                "Period": span.period,
                "Stat": query.stat,
            },
        }
        for number, query in enumerate(batch)
    ]
    request = {"MetricDataQueries": queries, "StartTime": span.start, "EndTime": span.end}
    turning = iter(cloudwatch.get_paginator("get_metric_data").paginate(**request))
    while (page := answer(f"the metrics of {what}", lambda: next(turning, None))) is not None:
        yield from page.get("MetricDataResults", [])
