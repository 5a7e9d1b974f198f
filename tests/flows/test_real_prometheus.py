"""The error budget asked of a real Prometheus that scrapes a real page: enough, too little, gone, away."""

import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from time import monotonic

import pytest

from actions.errors import Unreadable
from actions.moment import Budget, against
from actions.readers.asking import Address
from actions.readers.prometheus import Prometheus
from flows import guarding
from tests.actions.sources import Source, serving
from tests.flows.world import Company, runbook

pytestmark = [
    pytest.mark.slow,
    pytest.mark.prometheus,
    pytest.mark.skipif(
        shutil.which("prometheus") is None, reason="no Prometheus here: apt install prometheus"
    ),
]
#: Errors of 1,000 requests: at an objective of 99 % this leaves the rest of ten.
PAGE = "# TYPE requests gauge\nrequests {requests}\n# TYPE errors gauge\nerrors {errors}\n"
LEFT = "1 - (sum(errors) / sum(requests)) / 0.01"
SETTINGS = """
global: {{ scrape_interval: 200ms, scrape_timeout: 200ms }}
scrape_configs:
  - job_name: shop
    static_configs: [{{ targets: ["{target}"] }}]
"""


@pytest.fixture
def shop() -> Iterator[Source]:
    """What is scraped."""
    with serving() as served:
        yield served


@pytest.fixture
def prometheus(shop: Source, tmp_path: Path) -> Iterator[Prometheus]:
    """The server, until the test ends."""
    tells(shop, errors=2)
    settings = tmp_path / "prometheus.yml"
    settings.write_text(SETTINGS.format(target=shop.url.removeprefix("http://")), encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [
        "prometheus",
        f"--config.file={settings}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address={address}",
    ]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield Prometheus(Address(f"http://{address}"))
    finally:
        process.terminate()
        process.wait(20)


def tells(shop: Source, *, errors: int, requests: int = 1000) -> None:
    shop.says(PAGE.format(errors=errors, requests=requests).encode(), headers={"Content-Type": "text/plain"})


def ask(prometheus: Prometheus) -> Decimal | str:
    try:
        return prometheus.query(LEFT, datetime.now(UTC)).value
    except Unreadable as error:
        return str(error)


def until(holds: Callable[[Decimal | str], bool], prometheus: Prometheus) -> Decimal | str:
    """The answer, once it is as awaited."""
    deadline, pause = monotonic() + 30, threading.Event()
    while not holds(said := ask(prometheus)):
        assert monotonic() < deadline, said
        pause.wait(0.1)
    return said


@pytest.mark.case("T31")
def test_a_real_prometheus_tells_what_is_left_and_that_nothing_is_there(
    shop: Source, prometheus: Prometheus
) -> None:
    assert until(lambda said: isinstance(said, Decimal), prometheus) == pytest.approx(Decimal("0.8"))
    tells(shop, errors=9)
    assert until(lambda said: said != Decimal("0.8"), prometheus) == pytest.approx(Decimal("0.1"))
    shop.status = 500  # the page is gone: what was scraped before is stale at once
    assert str(until(lambda said: isinstance(said, str), prometheus)).endswith("has no data for the query")
    tells(shop, errors=0, requests=0)
    assert str(until(lambda said: "NaN" in str(said), prometheus)).endswith(
        "has no number for the query (NaN)"
    )


def test_a_query_that_prometheus_cannot_read_is_no_answer(prometheus: Prometheus) -> None:
    until(lambda said: isinstance(said, Decimal), prometheus)
    with pytest.raises(Unreadable, match="answered with status 400"):
        prometheus.query("sum(", datetime.now(UTC))
    with pytest.raises(Unreadable, match="has 2 series instead of one number"):
        prometheus.query('{__name__=~"errors|requests"}', datetime.now(UTC))


@pytest.mark.case("T31")
def test_a_used_up_budget_holds_a_runbook_back_with_its_figure(
    on_sqlite: Company, shop: Source, prometheus: Prometheus
) -> None:
    on_sqlite.with_org(error_budgets={"shop": Budget("shop", LEFT, Decimal("0.5"))})
    on_sqlite.reads(prometheus=prometheus)
    careful = runbook("stop-idle-dev", guards={"error_budget": "shop"})
    until(lambda said: isinstance(said, Decimal), prometheus)
    now = datetime.now(UTC)
    assert against(guarding.look(on_sqlite.desk, careful, now)) is None
    tells(shop, errors=9)
    until(lambda said: said != Decimal("0.8"), prometheus)
    said = against(guarding.look(on_sqlite.desk, careful, datetime.now(UTC)))
    assert said == "the error budget shop has 10% left of at least 50%"
