"""Every block and element that the bot may send has a shape on the page, and can be used there."""

from typing import Any

import pytest

from tests.bot.playground.conftest import Look
from tests.bot.playground.stage import ANA, BEN, Stage, asks, button, modal, mrkdwn

ROOM = "C0CHECK"
Json = dict[str, Any]


def plain(text: str) -> Json:
    """A plain text object."""
    return {"type": "plain_text", "text": text}


OPTIONS = [{"text": plain("First"), "value": "a"}, {"text": plain("Second"), "value": "b"}]


def rich(*pieces: Json) -> Json:
    """A section of rich text."""
    return {"type": "rich_text_section", "elements": list(pieces)}


def word(text: str, **style: bool) -> Json:
    """A piece of rich text."""
    return {"type": "text", "text": text, "style": style}


RICH = {
    "type": "rich_text",
    "elements": [
        rich(
            word("strong", bold=True),
            word("slanted", italic=True),
            word("gone", strike=True),
            word("typed", code=True),
            {"type": "link", "url": "https://a.example", "text": "site"},
            {"type": "user", "user_id": ANA.id},
            {"type": "channel", "channel_id": "C0ONCALL"},
            {"type": "emoji", "name": "warning"},
        ),
        {"type": "rich_text_list", "style": "ordered", "elements": [rich(word("one")), rich(word("two"))]},
        {"type": "rich_text_list", "style": "bullet", "indent": 1, "elements": [rich(word("dot"))]},
        {"type": "rich_text_quote", "elements": [word("said")]},
        {"type": "rich_text_preformatted", "elements": [word("as is")]},
    ],
}
TABLE = {
    "type": "table",
    "column_settings": [{"align": "left"}, {"align": "right"}],
    "rows": [
        [{"type": "raw_text", "text": "Service"}, {"type": "raw_text", "text": "Cost"}],
        [
            {"type": "raw_text", "text": "EC2"},
            {"type": "rich_text", "elements": [rich(word("$4.00", bold=True))]},
        ],
    ],
}
MARKDOWN = {
    "type": "markdown",
    "text": "# Title\n**bold** and [link](https://a.example) and [bad](javascript:x)\n- one\n- two\n\n"
    "1. first\n> quote\n```py\ncode()\n```",
}


def every_block(picture: str) -> list[Json]:
    """One block of each kind that only shows."""
    shown = {"type": "image", "slack_file": {"id": picture}, "alt_text": "Spend, highest on Thursday"}
    return [
        {"type": "header", "text": plain("Digest :receipt:")},
        {**mrkdwn("*text*"), "fields": [plain("left"), plain("right")], "accessory": {**shown}},
        {"type": "context", "elements": [shown, {"type": "mrkdwn", "text": "_small_"}]},
        {"type": "divider"},
        {**shown, "title": plain("Spend per day")},
        RICH,
        TABLE,
        MARKDOWN,
    ]


def test_each_block_that_shows_something_is_shown(stage: Stage, look: Look) -> None:
    file = stage.client.files_upload_v2(content=b"GIF89a", filename="x.gif")["file"]
    stage.client.chat_postMessage(channel=ROOM, text="x", blocks=every_block(file["id"]))
    page = look()
    page.until("document.querySelectorAll('.message').length > 0")

    def count(selector: str) -> int:
        return int(page.run(f"document.querySelectorAll('.message {selector}').length"))

    def text(selector: str) -> str:
        return str(page.run(f"document.querySelector('.message {selector}').textContent"))

    assert (text("h3"), count("hr"), count(".fields > *")) == ("Digest 🧾", 1, 2)
    assert text("figcaption") == "Spend per day"
    assert [text(f".rich {tag}") for tag in ("strong", "em", "s", "code")] == [
        "strong",
        "slanted",
        "gone",
        "typed",
    ]
    assert (text(".rich ol"), text(".rich ul"), text(".rich blockquote")) == ("onetwo", "dot", "said")
    assert (count("th"), count("td.align-right strong"), text("td")) == (2, 1, "EC2")
    assert text(".rich .md-1") == "Title"
    assert (
        page.run("[...document.querySelectorAll('.message a')].map(a => a.textContent).join()") == "site,link"
    )
    assert count(".unknown") == 0
    page.until(
        "document.querySelectorAll('.no-picture').length === 3"
    )  # these bytes are no picture: words instead
    assert "highest on Thursday" in text(".no-picture")


def test_a_block_the_page_does_not_know_leaves_a_plain_note(stage: Stage, look: Look) -> None:
    stage.client.chat_postMessage(channel=ROOM, text="x", blocks=[mrkdwn("known")])
    stage.workspace.messages[ROOM][0].blocks.append({"type": "carousel", "block_id": "new"})
    page = look()
    page.until("document.querySelectorAll('.message').length > 0")
    assert "carousel" in page.run("document.querySelector('.message .unknown').textContent")


@pytest.mark.parametrize(
    ("element", "use", "key"),
    [
        (
            {"type": "static_select", "options": OPTIONS},
            "it.value = 'b'; it.dispatchEvent(new Event('change'))",
            "b",
        ),
        (
            {"type": "datepicker"},
            "it.value = '2026-05-01'; it.dispatchEvent(new Event('change'))",
            "2026-05-01",
        ),
        ({"type": "users_select"}, f"it.value = '{BEN.id}'; it.dispatchEvent(new Event('change'))", BEN.id),
        ({"type": "radio_buttons", "options": OPTIONS}, "it.querySelectorAll('input')[1].click()", "b"),
        ({"type": "checkboxes", "options": OPTIONS}, "it.querySelectorAll('input')[1].click()", "b"),
        ({"type": "multi_static_select", "options": OPTIONS}, "it.querySelectorAll('input')[1].click()", "b"),
        (
            {"type": "overflow", "options": OPTIONS},
            "it.click(); document.querySelectorAll('.menu button')[1].click()",
            "b",
        ),
        (button("Go", "it", "v9"), "it.click()", "v9"),
    ],
    ids=lambda each: each["type"] if isinstance(each, dict) else "",
)
def test_using_an_element_of_a_message_tells_the_bot(
    stage: Stage, look: Look, element: Json, use: str, key: str
) -> None:
    stage.app.action("it")(lambda ack, respond: (ack(), respond("heard")))
    row = {"type": "actions", "elements": [{**element, "action_id": "it"}]}
    stage.client.chat_postMessage(channel=ROOM, text="x", blocks=[row])
    page = look()
    page.until("document.querySelectorAll('.message').length > 0")
    page.run(f"(() => {{ const it = document.querySelector('[data-action=it]'); {use} }})()")
    page.until("document.querySelector('.message.ephemeral')?.textContent.includes('heard')")
    assert key in str(stage.heard[0]["actions"][0])
    assert page.errors == []


def test_a_modal_with_every_input_is_filled_by_hand_and_submitted(stage: Stage, look: Look) -> None:
    stage.app.view("form")(lambda ack: ack())
    inputs = [
        asks("text", {"type": "plain_text_input", "multiline": True}, "Explain"),
        asks("number", {"type": "number_input", "is_decimal_allowed": True}, "Amount"),
        asks("one", {"type": "static_select", "options": OPTIONS}, "Reason", hint=plain("Pick one")),
        asks("many", {"type": "multi_static_select", "options": OPTIONS}, "Resources"),
        asks("who", {"type": "users_select"}, "Whose"),
        asks("radio", {"type": "radio_buttons", "options": OPTIONS}, "How much"),
        asks("boxes", {"type": "checkboxes", "options": OPTIONS}, "Also"),
        asks("day", {"type": "datepicker", "initial_date": "2026-05-01"}, "Since"),
        asks("more", {"type": "plain_text_input"}, "Anything else", optional=True),
    ]
    stage.client.chat_postMessage(channel=ROOM, text="x")
    trigger = stage.workspace.issue_trigger(ANA.id, stage.clock())
    stage.client.views_open(trigger_id=trigger, view=modal(*inputs))
    page = look()
    page.until("document.querySelectorAll('.message').length > 0")
    page.until("document.querySelector('dialog[open]')")
    page.run(
        """(() => {
          const at = (name, tag) => document.querySelector(`[data-block=${name}] ${tag}`);
          const put = (node, value, event) => { node.value = value; node.dispatchEvent(new Event(event)); };
          put(at("text", "textarea"), "Not ours", "input");
          put(at("number", "input"), "4.50", "input");
          put(at("one", "select"), "b", "change");
          put(at("who", "select"), "U0BEN", "change");
          for (const name of ["many", "radio", "boxes"]) at(name, "input").click();
          document.querySelector("dialog form").requestSubmit();
        })()"""
    )
    page.until("!document.querySelector('dialog')")
    values = {name: each["it"] for name, each in stage.heard[0]["view"]["state"]["values"].items()}
    assert (values["text"]["value"], values["number"]["value"], values["more"]["value"]) == (
        "Not ours",
        "4.50",
        None,
    )
    assert (values["one"]["selected_option"]["value"], values["who"]["selected_user"]) == ("b", BEN.id)
    assert (values["radio"]["selected_option"]["value"], values["day"]["selected_date"]) == (
        "a",
        "2026-05-01",
    )
    assert [len(values[name]["selected_options"]) for name in ("many", "boxes")] == [1, 1]


def test_every_input_has_a_name_for_a_screen_reader(stage: Stage, look: Look) -> None:
    stage.client.chat_postMessage(channel=ROOM, text="x")
    trigger = stage.workspace.issue_trigger(ANA.id, stage.clock())
    inputs = [
        asks("text", {"type": "plain_text_input"}, "Explain"),
        asks("radio", {"type": "radio_buttons", "options": OPTIONS}, "How much"),
    ]
    stage.client.views_open(trigger_id=trigger, view=modal(*inputs))
    page = look()
    page.until("document.querySelectorAll('.message').length > 0")
    page.until("document.querySelector('dialog[open]')")
    assert page.run("document.querySelector('[data-block=text] input').labels[0].textContent") == "Explain"
    named = (
        "document.getElementById(document.querySelector('[role=radiogroup]').getAttribute('aria-labelledby'))"
    )
    assert page.run(f"{named}.textContent") == "How much"
    silent = "filter(b => !b.textContent.trim() && !b.getAttribute('aria-label'))"
    nameless = f"[...document.querySelectorAll('button')].{silent}"
    assert page.run(f"{nameless}.length") == 0


def test_menus_answer_to_the_keyboard(stage: Stage, look: Look) -> None:
    stage.app.shortcut("why_this")(lambda ack: ack())
    stage.client.chat_postMessage(channel=ROOM, text="x")
    page = look()
    page.until("document.querySelectorAll('.message').length > 0")
    page.run("document.querySelector('.tools [aria-haspopup]').click()")
    assert page.run("document.activeElement.textContent") == "Why this charge?"
    page.key("Escape", 27)
    assert page.run("document.querySelector('.menu')") is None
    assert page.run("document.activeElement.getAttribute('aria-label')") == "More actions for this message"
    page.run("document.activeElement.click()")
    page.run("document.activeElement.click()")
    stage.player(ANA).until(lambda _: stage.heard)
    assert stage.heard[0]["type"] == "message_action"


def test_acting_as_somebody_else_shows_what_they_see(stage: Stage, look: Look) -> None:
    stage.client.chat_postMessage(channel=ROOM, text="for all")
    stage.client.chat_postEphemeral(channel=ROOM, user=BEN.id, text="for Ben")
    page = look()
    page.until("document.querySelectorAll('.message').length > 0")
    assert page.run("document.querySelectorAll('.message').length") == 1
    page.run("document.querySelector('.who').click()")
    page.run("[...document.querySelectorAll('.who-option')].find(b => b.textContent.includes('Ben')).click()")
    page.until("document.querySelector('.message.ephemeral')?.textContent.includes('for Ben')")
    page.run("document.querySelector('.message.ephemeral .plain').click()")
    page.until("!document.querySelector('.message.ephemeral')")


def test_the_home_is_asked_for_and_shown_and_a_badge_counts_the_unread(stage: Stage, look: Look) -> None:
    @stage.app.event("app_home_opened")
    def _(event: Json) -> None:
        stage.client.views_publish(
            user_id=event["user"], view={"type": "home", "blocks": [mrkdwn("*Your money*")]}
        )

    stage.client.chat_postMessage(channel=ROOM, text="x")
    page = look()
    page.until("document.querySelectorAll('.message').length > 0")
    stage.client.chat_postMessage(channel="C0ONCALL", text="look")
    page.until("document.querySelector('[data-room=C0ONCALL] .badge')?.textContent === '1'")
    page.run("document.querySelector('[data-room=home]').click()")
    page.until("document.querySelector('.home')?.textContent === 'Your money'")
    page.run("document.querySelector('[data-room=C0ONCALL]').click()")
    page.until("!document.querySelector('[data-room=C0ONCALL] .badge')")


def test_a_permalink_leads_to_its_message_without_leaving_the_page(stage: Stage, look: Look) -> None:
    ts = stage.client.chat_postMessage(channel="C0ONCALL", text="the card")["ts"]
    link = stage.client.chat_getPermalink(channel="C0ONCALL", message_ts=ts)["permalink"]
    stage.client.chat_postMessage(channel=ROOM, text=f"see <{link}|the card>")
    page = look()
    page.until("document.querySelector('.message a')")
    page.run("document.querySelector('.message a').click()")
    page.until("document.querySelector('.message.found')?.textContent.includes('the card')")
    assert page.run("document.querySelector('#title').textContent") == "# on-call"
    page.open(link)
    page.until("document.querySelector('.message.found')?.textContent.includes('the card')")


def test_a_shortcut_without_a_message_is_offered_beside_the_message_box(stage: Stage, look: Look) -> None:
    stage.app.shortcut("ask")(lambda ack: ack())
    page = look()
    page.run("document.querySelector('#shortcuts').click()")
    page.run("document.querySelector('.menu button').click()")
    stage.player(ANA).until(lambda _: stage.heard)
    assert (stage.heard[0]["type"], stage.heard[0]["callback_id"]) == ("shortcut", "ask")


def test_a_person_is_told_when_the_bot_does_not_take_what_they_did(stage: Stage, look: Look) -> None:
    row = {"type": "actions", "elements": [button("Go", "nobody-listens")]}
    stage.client.chat_postMessage(channel=ROOM, text="x", blocks=[row])
    page = look()
    page.until("document.querySelector('[data-action]')")
    page.run("document.querySelector('[data-action]').click()")
    page.until("document.querySelector('.toast')?.textContent.includes('HTTP status 404')")
