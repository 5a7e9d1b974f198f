"""What every action declares about itself, held for all of them."""

import inspect
import re

import pytest

from actions import registry
from actions.base import Action, Scope, TakesBack
from spend.errors import NotFound, Refused
from tests.actions.proxy import Proxy
from tests.actions.world import NOW, World

ALL = sorted(registry.ACTIONS.items())
GIVEN: dict[str, dict[str, object]] = {
    "aws.stop_instances": {"environments": ["dev"]},
    "aws.cap_lambda_concurrency": {"limit": 5, "peak_above": 50},
}
each = pytest.mark.parametrize(("name", "action"), ALL, ids=[name for name, _ in ALL])


@each
def test_an_action_is_called_by_its_name_and_says_what_it_does(name: str, action: Action) -> None:
    assert (action.name, registry.action(name)) == (name, action)
    assert re.fullmatch(r"[a-z]+\.[a-z_]+", name)
    assert inspect.getdoc(type(action)) != inspect.getdoc(Action)
    assert str(inspect.getdoc(type(action))).endswith(".")
    assert inspect.getsourcefile(type(action)).endswith(f"/{name.replace('.', '/')}.py")  # type: ignore[union-attr] # it has a file


@each
def test_permissions_are_declared_one_by_one(name: str, action: Action) -> None:
    assert action.permissions, name
    assert len(set(action.permissions)) == len(action.permissions)
    assert all(re.fullmatch(r"[a-z0-9]+:[A-Z][A-Za-z]+", one) for one in action.permissions)


@each
def test_an_undo_is_an_action_for_the_same_kind_or_there_is_a_reason(name: str, action: Action) -> None:
    if action.undo is None:
        assert len(action.no_undo) > 10, name
        assert not action.deletes
    else:
        assert registry.action(action.undo).kind == action.kind
        assert isinstance(registry.action(action.undo), TakesBack)


@each
def test_whose_things_are_stopped_or_deleted_is_warned(name: str, action: Action) -> None:
    """An undo gives back, and a cap or a snapshot takes nothing from anybody."""
    takes = action.deletes or name in {"aws.stop_instances", "aws.mark_volume"}
    assert bool(action.interrupts) == takes


@each
def test_parameters_refuse_what_they_do_not_know(name: str, action: Action) -> None:
    assert registry.params_of(name) is action.Params
    with pytest.raises(ValueError, match="Extra inputs are not permitted"):
        action.Params.model_validate({"no_such_key": 1})


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    assert registry.params_of("aws.rm_rf") is None
    with pytest.raises(NotFound, match=r"no action aws\.rm_rf; there are aws\.cap_lambda"):
        registry.action("aws.rm_rf")


@each
def test_without_an_account_or_region_nothing_is_asked_or_found(
    name: str, action: Action, world: World, proxy: Proxy
) -> None:
    params = action.Params.model_validate(GIVEN.get(name, {}))
    nowhere = Scope((), (), NOW)
    proxy.reset()  # the world's own set-up called the cloud
    if isinstance(action, TakesBack):
        with pytest.raises(Refused, match=name):
            action.find(world.clouds, nowhere, params)
    else:
        assert list(action.find(world.clouds, nowhere, params)) == []
    assert proxy.calls == []
