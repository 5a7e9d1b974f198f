"""The readers against a server that fails in every way: a failed answer is never evidence."""

import socket
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from actions.errors import Unreadable
from actions.readers.asking import LARGEST, Address
from actions.readers.incidents import Incidents
from actions.readers.prometheus import Prometheus, Sample
from tests.actions.sources import Source, serving
from tests.actions.world import NOW

MOMENT = NOW.timestamp()


@pytest.fixture
def source() -> Iterator[Source]:
    with serving() as served:
        yield served


def of(source: Source, path: str = "", token: str | None = None) -> Address:
    return Address(f"{source.url}{path}", token, within=0.5)


def vector(*pairs: list[Any]) -> dict[str, Any]:
    series = [{"metric": {}, "value": pair} for pair in pairs]
    return {"status": "success", "data": {"resultType": "vector", "result": series}}


def query(source: Source) -> Sample:
    return Prometheus(of(source)).query("left", NOW)


def test_a_query_gives_its_one_number_exactly(source: Source) -> None:
    source.says(vector([MOMENT, "0.30000000000000004"]))
    assert query(source) == Sample(Decimal("0.30000000000000004"), NOW)
    source.says({"status": "success", "data": {"resultType": "scalar", "result": [MOMENT, "1e-1"]}})
    assert query(source).value == Decimal("0.1")


@pytest.mark.case("V13.2.4")
def test_only_the_address_of_the_settings_is_asked_with_its_token(source: Source) -> None:
    source.says(vector([MOMENT, "1"]))
    Prometheus(of(source, "/prom/", token="s3cret")).query('a{b="c d"} > 0', NOW)
    asked = f"/prom/api/v1/query?query=a%7Bb%3D%22c+d%22%7D+%3E+0&time={MOMENT}"
    assert source.asked == [(asked, "Bearer s3cret")]
    assert "s3cret" not in repr(of(source, token="s3cret"))


@pytest.mark.case("V13.2.4")
def test_a_proxy_of_the_environment_is_not_used(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as elsewhere:
        monkeypatch.setenv("http_proxy", elsewhere.url)
        source.says(vector([MOMENT, "1"]))
        query(source)
    assert (len(source.asked), elsewhere.asked) == (1, [])


@pytest.mark.case("V15.3.2")
def test_a_redirection_is_not_followed(source: Source) -> None:
    with serving() as elsewhere:
        elsewhere.says(vector([MOMENT, "1"]))
        source.says(b"", status=302, headers={"Location": elsewhere.url})
        with pytest.raises(Unreadable, match="answered with a redirection, which is not followed"):
            query(source)
    assert elsewhere.asked == []


FAILURES: list[tuple[Any, int, str]] = [
    (vector(), 200, "has no data for the query"),
    (vector([MOMENT, "1"], [MOMENT, "2"]), 200, "has 2 series instead of one number for the query"),
    (vector([MOMENT, "NaN"]), 200, r"has no number for the query \(NaN\)"),
    (vector([MOMENT, "+Inf"]), 200, r"has no number for the query \(\+Inf\)"),
    (vector([MOMENT, "many"]), 200, "gave no answer that can be read"),
    (vector([MOMENT, None]), 200, "gave no answer that can be read"),
    (vector([MOMENT]), 200, "gave no answer that can be read"),
    (vector(["soon", "1"]), 200, "gave no answer that can be read"),
    (vector(["1e400", "1"]), 200, "gave no answer that can be read"),
    (vector([MOMENT - 301, "1"]), 200, "answered for 2026-06-17 11:54 UTC, not for now"),
    (vector([MOMENT + 301, "1"]), 200, "answered for 2026-06-17 12:05 UTC, not for now"),
    ({"status": "error", "error": "parse error"}, 200, "gave no answer that can be read"),
    ({"status": "success", "data": {"resultType": "matrix", "result": []}}, 200, "gave no answer that can"),
    ([], 200, "gave no answer that can be read"),
    (b"<html>", 200, "answered with something that is no JSON"),
    (b"[" * 100_000, 200, "answered with something that is no JSON"),
    (b"\xff", 200, "answered with something that is no JSON"),
    (vector([MOMENT, "1"]), 500, "answered with status 500"),
    (vector([MOMENT, "1"]), 401, "answered with status 401"),
    (b" " * (LARGEST + 1), 200, r"could not be asked \(ValueError\)"),
]


@pytest.mark.case("T31", "V16.5.3")
@pytest.mark.parametrize(("data", "status", "said"), FAILURES)
def test_what_is_no_fresh_number_is_no_answer(source: Source, data: Any, status: int, said: str) -> None:
    source.says(data, status)
    with pytest.raises(Unreadable, match=f"^127.0.0.1:[0-9]+ {said}"):
        query(source)


def test_an_answer_that_drips_is_given_up_in_time(source: Source) -> None:
    source.says(vector([MOMENT, "1"]))
    source.drip = 0.1
    with pytest.raises(Unreadable, match=r"did not answer within 0\.5 s"):
        query(source)


def test_a_source_that_never_answers_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = Address(f"http://127.0.0.1:{silent.getsockname()[1]}", within=0.1)
        with pytest.raises(Unreadable, match=r"did not answer within 0\.1 s"):
            Prometheus(address).query("left", NOW)


def test_a_source_that_is_not_there_could_not_be_asked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = Address(f"http://127.0.0.1:{gone.getsockname()[1]}")
    with pytest.raises(Unreadable, match=r"could not be asked \(ConnectionRefusedError\)"):
        Prometheus(address).query("left", NOW)


def test_a_sample_of_a_few_minutes_ago_is_still_fresh(source: Source) -> None:
    source.says(vector([MOMENT - 300, "1"]))
    assert query(source).at == NOW - timedelta(minutes=5)


def alert(name: str, severity: str | None = "critical", state: str = "active") -> dict[str, Any]:
    labels = {"alertname": name, **({"severity": severity} if severity else {})}
    return {"labels": labels, "status": {"state": state}}


def incidents(source: Source, path: str = "/api/v2/alerts?active=true", **said: Any) -> tuple[str, ...]:
    usual: dict[str, Any] = {
        "title": "labels.alertname",
        "where": {"labels.severity": ("critical", "page"), "status.state": ("active",)},
    }
    return Incidents(of(source, path, token="t"), **{**usual, **said}).open()


@pytest.mark.case("T32")
def test_the_alerts_that_count_are_open_incidents(source: Source) -> None:
    source.says(
        [alert("Down"), alert("Slow", "info"), alert("Full", "page"), alert("Old", state="suppressed")]
    )
    assert incidents(source) == ("Down", "Full")
    assert source.asked == [("/api/v2/alerts?active=true", "Bearer t")]
    source.says([])
    assert incidents(source) == ()


def test_an_item_that_does_not_say_counts_in_doubt(source: Source) -> None:
    source.says([alert("Unsaid", severity=None), {"other": 1}, "a text"])
    assert incidents(source) == ("Unsaid", "an incident without a title", "an incident without a title")


def test_a_list_inside_the_answer_is_found_by_its_place(source: Source) -> None:
    source.says({"data": {"incidents": [{"name": "Down", "status": 1}, {"name": "Up", "status": 0}]}})
    place: dict[str, Any] = {"items": "data.incidents", "title": "name", "where": {"status": ("1",)}}
    assert incidents(source, "", **place) == ("Down",)
    assert source.asked[0][0] == "/"


@pytest.mark.case("T32", "V16.5.3")
@pytest.mark.parametrize("data", [{}, {"data": []}, None, "none", 0])
def test_an_answer_without_the_list_is_no_answer(source: Source, data: Any) -> None:
    source.says(data)
    with pytest.raises(Unreadable, match="gave no list of incidents"):
        incidents(source)
