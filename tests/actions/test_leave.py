"""The leave that each call of an action asks for: who needs it, and when a call is over for certain."""

from datetime import timedelta
from typing import Any

import pytest

from actions import sending
from actions.errors import TakenOver
from tests.actions.world import NOW


def test_a_call_is_over_when_it_can_neither_be_sent_nor_answered_any_more() -> None:
    over = NOW + sending.UNDER_WAY
    assert not sending.over(None, over)
    assert not sending.over(NOW, over - timedelta(microseconds=1))
    assert sending.over(NOW, over)


class Recorder:
    """Clouds that write down which clients were asked for."""

    def __init__(self) -> None:
        self.asked: list[bool] = []

    def client(self, account: str, service: str, region: str = "", *, mutating: bool = False) -> Any:
        self.asked.append(mutating)
        return {"account": account, "service": service, "region": region}


def test_reading_needs_no_leave() -> None:
    def never() -> None:
        raise AssertionError("nobody asks for leave to read")

    clouds = Recorder()
    assert sending.Cleared(clouds, never, lambda _: None, "00ff").client("1", "ec2", "eu-west-1") == {
        "account": "1",
        "service": "ec2",
        "region": "eu-west-1",
    }
    assert clouds.asked == [False]


def test_without_leave_nobody_is_given_a_client_for_changes() -> None:
    def taken() -> None:
        raise TakenOver("another worker holds this run")

    clouds = Recorder()
    with pytest.raises(TakenOver):
        sending.Cleared(clouds, taken, lambda _: None, "00ff").client("1", "ec2", mutating=True)
    assert clouds.asked == []
    sending.Cleared(clouds, lambda: None, lambda _: None, "00ff").client("1", "ec2", mutating=True)
    assert clouds.asked == [True]


def test_where_no_region_is_named_it_is_that_of_all_clouds() -> None:
    cleared = sending.Cleared(Recorder(), lambda: None, lambda _: None, "00ff")
    assert cleared.client("1", "sts")["region"] == "eu-central-1"
