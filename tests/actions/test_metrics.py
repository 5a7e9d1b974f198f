"""CloudWatch in batches: what did not come is missing, and half an answer is none."""

from datetime import timedelta
from typing import Any

import pytest

from actions.aws.metrics import Query, Span, read
from actions.errors import Unreadable
from tests.actions.proxy import Proxy
from tests.actions.world import ACCOUNT, MIDNIGHT, NOW, REGION, World, figure

WEEK = Span(MIDNIGHT - timedelta(days=7), NOW)


def query(name: str) -> Query:
    return Query("AWS/EC2", "CPUUtilization", "InstanceId", name, "Maximum")


def test_five_hundred_figures_go_in_one_call_and_the_rest_in_another(world: World, proxy: Proxy) -> None:
    at = MIDNIGHT - timedelta(days=2)
    world.put("AWS/EC2", [figure("CPUUtilization", "InstanceId", "i-500", at, Value=7)])
    wanted = [query(f"i-{n}") for n in range(501)]
    found = read(world.clouds.client(ACCOUNT, "cloudwatch", REGION), "all", wanted, WEEK)
    assert len(proxy.of("GetMetricData")) == 2
    assert found[query("i-500")] == {at: 7.0}
    assert found[query("i-0")] == {}


class Paged:
    """A CloudWatch that answers in these pages."""

    def __init__(self, *answers: list[dict[str, Any]]) -> None:
        self.answers = answers

    def get_paginator(self, _operation: str) -> "Paged":
        return self

    def paginate(self, **_request: Any) -> Any:
        return iter([{"MetricDataResults": results} for results in self.answers])


def part(status: str, day: int, value: float, name: str = "q0") -> dict[str, Any]:
    at = MIDNIGHT - timedelta(days=day)
    return {"Id": name, "Timestamps": [at], "Values": [value], "StatusCode": status}


def test_an_answer_in_several_pages_is_put_together() -> None:
    paged = Paged([part("PartialData", 2, 1)], [part("Complete", 1, 2)])
    found = read(paged, "it", [query("i-1")], WEEK)
    assert sorted(found[query("i-1")].values()) == [1.0, 2.0]


@pytest.mark.parametrize(
    "answers",
    [[[part("PartialData", 1, 1)]], [[part("InternalError", 1, 1)]], [[part("Forbidden", 1, 1)]], [[]], []],
)
def test_half_an_answer_is_no_answer(answers: list[list[dict[str, Any]]]) -> None:
    with pytest.raises(Unreadable, match="came only in part"):
        read(Paged(*answers), "it", [query("i-1")], WEEK)


def test_nothing_wanted_asks_nothing(world: World, proxy: Proxy) -> None:
    assert read(world.clouds.client(ACCOUNT, "cloudwatch", REGION), "none", [], WEEK) == {}
    assert proxy.calls == []
