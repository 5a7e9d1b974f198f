"""The company of the flows' tests, before a cloud whose calls are all kept and may go wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.store import Store
from tests.actions.conftest import clouds, clouds_of_all, gate, moto_address, proxy, world
from tests.actions.proxy import Proxy
from tests.actions.world import World
from tests.flows.world import Company
from tests.watching import watching_proxy

__all__ = ["clouds", "clouds_of_all", "gate", "moto_address", "proxy", "world"]


@pytest.fixture
def acting(store: Store, tmp_path: Path, world: World) -> Company:
    """The company on each kind of database, with its cloud behind the proxy."""
    return Company(store, tmp_path / "home", world.clouds)


@pytest.fixture(autouse=True)
def history(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever arrives at the cloud is right by the audit log beside it."""
    if "acting" not in request.fixturenames:
        yield
        return
    company: Company = request.getfixturevalue("acting")
    proxy: Proxy = request.getfixturevalue("proxy")
    with watching_proxy(company.store, lambda: company.desk.org.caps, proxy):
        yield
