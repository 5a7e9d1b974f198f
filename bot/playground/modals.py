"""What a person does in a modal or in the Home: press, submit, close."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from bot.playground import payloads
from bot.playground.calls import check_view
from bot.playground.gestures import Desk, Json, pressed
from bot.playground.inputs import problems, state_of
from bot.playground.records import Person, SlackSays, View


def _view(desk: Desk, ask: Json, person: Person) -> View:
    view = desk.workspace.open_view(str(ask.get("view_id")))
    if view.person != person.id:
        raise SlackSays("not_found")
    return view


def press(desk: Desk, ask: Json) -> Json:
    """Press a button or choose something in a modal or a Home."""
    workspace, now = desk.workspace, desk.clock()
    with workspace.lock:
        person = desk.person(ask)
        view = _view(desk, ask, person)
        values = state_of(view.blocks, ask.get("values") or {})
        action = pressed(desk, ask, view.blocks)
        payload = {
            **payloads.common(workspace, person, "block_actions"),
            **payloads.view_press(workspace, view, values),
            "trigger_id": workspace.issue_trigger(person.id, now, view.id),
            "actions": [action],
        }
    return desk.delivery.interaction(payload).as_json()


def submit(desk: Desk, ask: Json) -> Json:
    """Submit a modal: the client's own checks first, then the app's answer is carried out."""
    workspace, now = desk.workspace, desk.clock()
    with workspace.lock:
        person = desk.person(ask)
        view = _view(desk, ask, person)
        values = state_of(view.blocks, ask.get("values") or {})
        found = problems(view.blocks, values)
        if found:
            return {"ok": False, "error": "invalid_input", "errors": found, "ack_ms": 0, "response": None}
        payload = {
            **payloads.common(workspace, person, "view_submission"),
            "trigger_id": workspace.issue_trigger(person.id, now, view.id),
            "view": payloads.view_press(workspace, view, values)["view"],
            "response_urls": [],
        }
    answer = desk.delivery.interaction(payload)
    if answer.error is None:
        with workspace.lock:
            return answer.as_json() | _carry_out(desk, view, answer.body)
    return answer.as_json()


def _drop(desk: Desk, view: View) -> None:
    stack = desk.workspace.stack(view.person)
    if view in stack:
        stack.remove(view)
    desk.workspace.changed()


def _carry_out(desk: Desk, view: View, said: Any) -> Json:
    """Do what `response_action` asks; an empty answer closes the modal."""
    kind = said.get("response_action") if isinstance(said, dict) else None
    if kind is None:
        _drop(desk, view)
    elif kind == "clear":
        desk.workspace.stack(view.person).clear()
        desk.workspace.changed()
    elif kind == "errors":
        return _errors(view, said.get("errors") or {})
    elif kind == "update":
        desk.workspace.redefine(view, check_view(desk.workspace, said.get("view")))
    elif kind == "push":
        desk.workspace.push_view(view.person, check_view(desk.workspace, said.get("view")))
    else:
        raise SlackSays("invalid_response_action")
    return {}


def _errors(view: View, errors: Json) -> Json:
    asked = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    if not errors or not set(errors) <= asked:
        raise SlackSays("invalid_arguments", ["errors must name input blocks of this view"])
    return {"errors": errors}


def close(desk: Desk, ask: Json) -> Json:
    """Close the visible modal, or the whole stack with `all`; the app hears of it when it wants to."""
    workspace = desk.workspace
    with workspace.lock:
        person = desk.person(ask)
        view = _view(desk, ask, person)
        stack = workspace.stack(person.id)
        cleared = bool(ask.get("all") or view.definition.get("clear_on_close"))
        gone = list(stack) if cleared else [view]
        told = [
            {
                **payloads.common(workspace, person, "view_closed"),
                "view": payloads.view_press(workspace, each, state_of(each.blocks, {}))["view"],
                "is_cleared": cleared,
            }
            for each in gone
            if each.definition.get("notify_on_close")
        ]
        for each in gone:
            _drop(desk, each)
    answers = [desk.delivery.interaction(payload).as_json() for payload in told]
    return answers[-1] if answers else {"ok": True, "ack_ms": 0, "response": None}


MODAL_GESTURES: Final[Mapping[str, Callable[[Desk, Json], Json]]] = {
    "close": close,
    "submit": submit,
    "view_action": press,
}
