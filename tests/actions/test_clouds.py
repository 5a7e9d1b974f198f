"""Clients per account and purpose, and what a cloud's errors mean."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from actions.clouds import READS, AccountAccess, AwsClouds, answer, changing, pages
from actions.errors import ActionFailed, OutcomeUnknown, Unreadable
from spend.errors import Refused
from tests.actions.examples import target
from tests.actions.proxy import Proxy
from tests.actions.world import ACCOUNT, REGION, World

OTHER = "222222222222"
ROLE = AccountAccess(f"arn:aws:iam::{OTHER}:role/bursar", "the-external-id")


def test_mutating_clients_send_once_and_reading_ones_try_again(world: World, proxy: Proxy) -> None:
    proxy.fault = lambda name, _body: "html" if name in {"StopInstances", "DescribeVolumes"} else None
    writer = world.clouds.client(ACCOUNT, "ec2", REGION, mutating=True)
    with pytest.raises(OutcomeUnknown), changing("i-1"):
        writer.stop_instances(InstanceIds=["i-1"])
    assert len(proxy.of("StopInstances")) == 1
    reader = world.clouds.client(ACCOUNT, "ec2", REGION)
    with pytest.raises(Unreadable):
        answer("the volumes", reader.describe_volumes)
    assert len(proxy.of("DescribeVolumes")) == READS


def test_clients_are_made_once_for_each_purpose(clouds: AwsClouds) -> None:
    found: list[Any] = []

    def ask() -> None:
        found.append(clouds.client(ACCOUNT, "ec2", REGION))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(client) for client in found}) == 1
    assert found[0] is not clouds.client(ACCOUNT, "ec2", REGION, mutating=True)
    assert found[0] is not clouds.client(ACCOUNT, "ec2", "eu-west-1")
    config = clouds.client(ACCOUNT, "ec2", REGION, mutating=True).meta.config
    assert (config.connect_timeout, config.read_timeout) == (5, 20)


def test_an_account_is_entered_by_its_role_and_sees_only_its_own(world: World, proxy: Proxy) -> None:
    world.instance("mine")
    clouds = AwsClouds({ACCOUNT: AccountAccess(), OTHER: ROLE}, "tests")
    assert clouds.client(OTHER, "ec2", REGION).describe_instances()["Reservations"] == []
    assert len(clouds.client(ACCOUNT, "ec2", REGION).describe_instances()["Reservations"]) == 1
    [assumed] = proxy.of("AssumeRole")
    assert "ExternalId=the-external-id" in assumed
    assert "RoleSessionName=tests" in assumed


def test_who_is_given_a_client_for_changes_has_entered_the_account(world: World, proxy: Proxy) -> None:
    assert world.clouds
    clouds = AwsClouds({OTHER: replace(ROLE, act_role_arn=f"arn:aws:iam::{OTHER}:role/actor")}, "tests")
    clouds.client(OTHER, "ec2", REGION)
    assert proxy.of("AssumeRole") == []
    proxy.fault = lambda name, _body: "deny" if name == "AssumeRole" else None
    with pytest.raises(Unreadable, match=f"account {OTHER} could not be read"):
        clouds.client(OTHER, "ec2", REGION, mutating=True)
    proxy.reset()
    clouds.client(OTHER, "ec2", REGION, mutating=True)
    assert ["role%2Factor" in body for body in proxy.of("AssumeRole")] == [True]


def test_an_account_that_is_not_in_the_settings_is_refused(clouds: AwsClouds) -> None:
    with pytest.raises(Refused, match="not in the settings"):
        clouds.client("999999999999", "ec2", REGION)


def test_credentials_of_another_account_are_refused(clouds: AwsClouds) -> None:
    assert clouds
    with pytest.raises(Refused, match=f"do not belong to account {OTHER}"):
        AwsClouds({OTHER: AccountAccess()}).client(OTHER, "ec2", REGION)
    with pytest.raises(Refused, match="is not one of account"):
        AwsClouds({ACCOUNT: ROLE}).client(ACCOUNT, "ec2", REGION)


def stop(world: World) -> None:
    with changing("i-1"):
        world.ec2.stop_instances(InstanceIds=["i-1"])


@pytest.mark.parametrize("fault", ["lose", "drop", "html", "garble", "broken"])
def test_time_outs_cut_lines_and_server_errors_leave_the_outcome_unknown(
    world: World, proxy: Proxy, fault: str
) -> None:
    made = world.instance()
    proxy.fault = lambda _name, _body: fault
    with pytest.raises(OutcomeUnknown), changing(made):
        world.ec2.stop_instances(InstanceIds=[made])


def no_such_instance(world: World, _proxy: Proxy) -> None:
    with changing("i-1"):
        world.ec2.stop_instances(InstanceIds=["i-0123456789abcdef0"])


def not_entitled(world: World, proxy: Proxy) -> None:
    proxy.fault = lambda _name, _body: "deny"
    stop(world)


def misspelt(world: World, _proxy: Proxy) -> None:
    with changing("i-1"):
        world.ec2.stop_instances(Instances=["i-1"])


def nobody_listens(world: World, _proxy: Proxy) -> None:
    import boto3
    from botocore.config import Config

    once = Config(retries={"total_max_attempts": 1})
    dead = boto3.client("ec2", region_name=REGION, endpoint_url="http://127.0.0.1:9", config=once)
    with changing("i-1"):
        dead.stop_instances(InstanceIds=["i-1"])
    assert world


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (no_such_instance, "InvalidInstanceID.NotFound"),
        (not_entitled, "UnauthorizedOperation"),
        (misspelt, "NotSent"),
        (nobody_listens, "NotSent"),
    ],
)
def test_what_the_cloud_refused_or_never_got_is_definite(
    world: World, proxy: Proxy, wrong: Callable[[World, Proxy], None], code: str
) -> None:
    with pytest.raises(ActionFailed) as failed:
        wrong(world, proxy)
    assert (failed.value.target, failed.value.code) == ("i-1", code)


def test_only_the_named_codes_mean_that_a_thing_is_gone(world: World) -> None:
    reader = world.clouds.client(ACCOUNT, "ec2", REGION)

    def ask() -> Any:
        return reader.describe_volumes(VolumeIds=["vol-0123456789abcdef0"])

    assert answer("it", ask, gone=("InvalidVolume.NotFound",)) is None
    with pytest.raises(Unreadable, match="it could not be read"):
        answer("it", ask, gone=("InvalidInstanceID.NotFound",))


def test_an_answer_without_its_list_is_no_empty_list(world: World) -> None:
    reader = world.clouds.client(ACCOUNT, "ec2", REGION)
    with pytest.raises(Unreadable, match="has no Disks"):
        list(pages("the disks", reader, "describe_volumes", "Disks"))


@pytest.mark.parametrize("missing", ["id", "account", "region"])
def test_a_target_that_could_mean_everything_cannot_be_made(missing: str) -> None:
    with pytest.raises(ValueError, match="could mean everything"):
        target("i-1", **{missing: ""})
