"""The `views.*` methods: modals in a person's stack, and the App Home."""

from bot.playground.calls import Call, Json, check_view, person_of
from bot.playground.records import SlackSays, View
from bot.playground.shapes import view_json


def _shown(call: Call, view: View) -> Json:
    return {"view": view_json(call.workspace, view)}


def _definition(call: Call, kind: str) -> Json:
    view = check_view(call.workspace, call.structure("view"))
    if view["type"] != kind:
        raise SlackSays(
            "invalid_arguments", [f"[ERROR] this method takes a {kind} view [json-pointer:/view/type]"]
        )
    external = view.get("external_id")
    if external and any(each.definition.get("external_id") == external for each in _modals(call)):
        raise SlackSays("duplicate_external_id")
    return view


def _modals(call: Call) -> list[View]:
    return [view for stack in call.workspace.stacks.values() for view in stack]


def open_view(call: Call) -> Json:
    """Open a modal for whoever the trigger was issued to; what they had open before is replaced."""
    view = _definition(call, "modal")
    trigger = call.workspace.spend_trigger(call.need("trigger_id", "invalid_trigger_id"), call.now)
    call.workspace.stack(trigger.person).clear()
    return _shown(call, call.workspace.push_view(trigger.person, view))


def push(call: Call) -> Json:
    """Lay a modal on top of the one that the trigger comes from."""
    view = _definition(call, "modal")
    trigger = call.workspace.spend_trigger(call.need("trigger_id", "invalid_trigger_id"), call.now)
    if not call.workspace.stack(trigger.person):
        raise SlackSays("not_found")
    return _shown(call, call.workspace.push_view(trigger.person, view))


def update(call: Call) -> Json:
    """Replace an open modal, found by its id or by the app's own `external_id`."""
    external = call.text("external_id")
    if external:
        found = [view for view in _modals(call) if view.definition.get("external_id") == external]
        if not found:
            raise SlackSays("not_found")
        view = found[0]
    else:
        view = call.workspace.open_view(call.need("view_id"))
    seen = call.text("hash")
    if seen and seen != view.hash:
        raise SlackSays("hash_conflict")
    definition = check_view(call.workspace, call.structure("view"))
    if external:
        definition = {**definition, "external_id": external}
    return _shown(call, call.workspace.redefine(view, definition))


def publish(call: Call) -> Json:
    """Set a person's App Home."""
    person = person_of(call, "user_id")
    seen, home = call.text("hash"), call.workspace.homes.get(person.id)
    if seen and home and seen != home.hash:
        raise SlackSays("hash_conflict")
    return _shown(call, call.workspace.publish(person.id, _definition(call, "home")))
