"""A cloud that speaks real HTTP on loopback, empty at the start of each test; and a plan to decide on."""

from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer

from actions import planning
from actions.clouds import AccountAccess, AwsClouds
from actions.plan import Plan
from tests.actions.examples import runbook, volume
from tests.actions.proxy import Proxy
from tests.actions.world import ACCOUNT, NOW, World, empty

SETTINGS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="session")
def moto_address() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def gate(moto_address: str) -> Iterator[Proxy]:
    """Everything goes through it, so that calls are counted where they arrive."""
    with Proxy(moto_address) as standing, pytest.MonkeyPatch.context() as environment:
        for name, value in {**SETTINGS, "AWS_ENDPOINT_URL": standing.address}.items():
            environment.setenv(name, value)
        yield standing


@pytest.fixture
def proxy(gate: Proxy) -> Proxy:
    """The way to the cloud, without faults and without memory."""
    gate.reset()
    return gate


@pytest.fixture(scope="session")
def clouds_of_all(gate: Proxy) -> AwsClouds:
    """Clients take a third of a second to make, so that the tests share them."""
    assert gate.address
    return AwsClouds({ACCOUNT: AccountAccess()}, "tests")


@pytest.fixture
def clouds(proxy: Proxy, clouds_of_all: AwsClouds) -> AwsClouds:
    empty()
    assert proxy.calls == []
    return clouds_of_all


@pytest.fixture
def world(clouds: AwsClouds) -> World:
    return World(clouds)


@pytest.fixture
def plan() -> Plan:
    """A deletion that two of three people must approve."""
    return planning.freeze(
        runbook("reclaim-unattached-volumes"),
        [volume("vol-1")],
        plan_id="plan-1",
        approvers={"U_ANN", "U_BOB", "U_REQ"},
        requested_by="U_REQ",
        reason="pressed Act",
        now=NOW,
    )
