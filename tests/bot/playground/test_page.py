"""The page in a real browser: it shows what the bot sends, and nothing that the bot sends comes alive."""

import re
from importlib.resources import files

from tests.bot.playground.conftest import Look
from tests.bot.playground.stage import ANA, Stage, asks, button, modal, mrkdwn

ROOM = "C0CHECK"
EVIL = [
    "<img src=x onerror=\"document.title='owned'\">",
    "<script>document.title='owned'</script>",
    "<javascript:document.title='owned'|press me>",
    "&lt;img src=x onerror=alert(1)&gt;",
    "*<svg/onload=document.title='owned'>*",
    "```<b onclick=x>bold</b>```",
    '<https://a.example/"onmouseover="x|link>',
]
SEEN = "document.querySelectorAll('.message').length"


def test_no_script_of_the_page_parses_html_or_code() -> None:
    for script in files("bot.playground.page").iterdir():
        if script.name.endswith(".js"):
            text = script.read_text()
            for word in (
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "Function(",
            ):
                assert word not in text, f"{script.name} uses {word}"


def test_the_page_loads_nothing_from_elsewhere() -> None:
    for part in files("bot.playground.page").iterdir():
        if part.name.endswith((".js", ".css", ".html")):
            addresses = set(re.findall(r"https?://[\w.]+", part.read_text()))
            assert addresses <= {"http://www.w3.org"}, part.name


def test_nothing_in_a_message_becomes_live_html(stage: Stage, look: Look) -> None:
    for text in EVIL:
        blocks = [
            mrkdwn(text),
            {"type": "header", "text": {"type": "plain_text", "text": text}},
            {"type": "markdown", "text": text},
            {"type": "table", "rows": [[{"type": "raw_text", "text": text}]]},
            {"type": "actions", "elements": [button(text, "go")]},
        ]
        stage.client.chat_postMessage(channel=ROOM, text=text, blocks=blocks)
        stage.client.chat_postMessage(channel=ROOM, text=text)
    page = look()
    page.until(f"{SEEN} === {2 * len(EVIL)}")
    inside = "document.querySelectorAll('.message img, .message script, .message svg:not(.line-icon)').length"
    assert page.run(inside) == 0
    assert (
        page.run("[...document.querySelectorAll('*')].some(n => n.onerror || n.onmouseover || n.onclick)")
        is False
    )
    links = page.run("[...document.querySelectorAll('.message a')].map(a => a.protocol).join()")
    assert set(links.split(",")) <= {"https:", "http:"}
    assert page.run("document.title").startswith("# team-checkout")
    assert page.errors == []


def test_mrkdwn_reads_as_slack_shows_it(stage: Stage, look: Look) -> None:
    text = (
        "*bold* _italic_ ~gone~ `code` :white_check_mark: <https://a.example|site> <@U0ANA> <#C0ONCALL> "
        "<!here> &lt;tag&gt; &amp; a*b*c snake_case_name\n> quoted\n```pre\nformatted```"
    )
    stage.client.chat_postMessage(channel=ROOM, text="x", blocks=[mrkdwn(text)])
    page = look()
    page.until(f"{SEEN} === 1")

    def inner(selector: str) -> str:
        return str(page.run(f"document.querySelector('.message .blocks {selector}').textContent"))

    assert [inner(each) for each in ("strong", "em", "s", "code")] == ["bold", "italic", "gone", "code"]
    assert (inner("blockquote"), inner("pre"), inner("a")) == ("quoted", "pre\nformatted", "site")
    shown = inner(".mrkdwn")
    for part in ("✅", "@Ana Costa", "#on-call", "@here", "<tag> & a*b*c snake_case_name"):
        assert part in shown


def test_a_person_presses_confirms_and_sees_the_answer(stage: Stage, look: Look) -> None:
    stage.app.action("approve")(lambda ack, respond: (ack(), respond("Approved by you")))
    sure = {
        key: {"type": "plain_text", "text": text} for key, text in [("title", "Sure?"), ("text", "Stop 6")]
    }
    blocks = [{"type": "actions", "elements": [button("Approve", "approve", confirm=sure)]}]
    stage.client.chat_postMessage(channel=ROOM, text="card", blocks=blocks)
    page = look()
    page.until(f"{SEEN} === 1")
    page.run("document.querySelector('[data-action=approve]').click()")
    page.until("document.querySelector('dialog[open] h2').textContent === 'Sure?'")
    page.key("Escape", 27)
    page.until("!document.querySelector('dialog')")
    assert stage.heard == []
    page.run("document.querySelector('[data-action=approve]').click()")
    page.run("document.querySelector('dialog .btn.primary').click()")
    page.until("document.querySelector('.message.ephemeral')?.textContent.includes('Approved by you')")
    assert page.errors == []


def test_a_modal_keeps_what_was_typed_shows_errors_and_closes_on_escape(stage: Stage, look: Look) -> None:
    stage.app.view("form")(lambda ack: ack(response_action="errors", errors={"why": "Say more."}))
    reason = asks("why", {"type": "plain_text_input"}, "Why?")
    page = look()
    trigger = stage.workspace.issue_trigger(ANA.id, stage.clock())
    view = stage.client.views_open(trigger_id=trigger, view=modal(mrkdwn("Loading"), reason))["view"]
    page.until("document.activeElement?.dataset.action === 'it'")
    page.send("Input.insertText", text="Not ours")
    stage.client.views_update(view_id=view["id"], view=modal(mrkdwn("Filled"), reason))
    page.until("document.querySelector('dialog').textContent.includes('Filled')")
    assert page.run("document.querySelector('dialog input').value") == "Not ours"
    page.run("document.querySelector('dialog form').requestSubmit()")
    page.until("document.querySelector('dialog .error').textContent === 'Say more.'")
    assert stage.heard[0]["view"]["state"]["values"]["why"]["it"]["value"] == "Not ours"
    assert page.run("document.querySelector('dialog input').getAttribute('aria-invalid')") == "true"
    page.key("Escape", 27)
    page.until("!document.querySelector('dialog')")
    assert stage.player(ANA).views() == []


def test_on_a_phone_nothing_is_wider_than_the_screen(stage: Stage, look: Look) -> None:
    wide = {"type": "table", "rows": [[{"type": "raw_text", "text": "column"}] * 12]}
    fields = {"type": "section", "fields": [{"type": "mrkdwn", "text": f"*Field*\n{'x' * 60}"}] * 4}
    top = stage.client.chat_postMessage(channel=ROOM, text="x", blocks=[fields, wide])["ts"]
    stage.client.chat_postMessage(channel=ROOM, text="reply", thread_ts=top)
    page = look(f"/?as={ANA.id}&channel={ROOM}&thread={top}", 375)
    page.until("document.querySelectorAll('#thread-messages .message').length === 2")
    assert page.run("document.documentElement.scrollWidth") == 375
    assert page.run("document.querySelector('#thread').getBoundingClientRect().width") == 375
    page.run("document.querySelector('#thread-back').click()")
    page.until("document.querySelector('#thread').hidden")
    page.run("document.querySelector('#menu').click()")
    page.until("document.body.classList.contains('drawer-open')")
    page.key("Escape", 27)
    page.until("!document.body.classList.contains('drawer-open')")


def test_the_composer_sends_commands_to_the_bot_and_words_to_the_channel(stage: Stage, look: Look) -> None:
    stage.app.command("/bursar")(lambda ack, body: ack(f"asked: {body['text']}"))
    page = look()

    def typed(text: str) -> None:
        page.run(f"document.querySelector('#composer-text').value = {text!r}")
        page.run("document.querySelector('#composer').requestSubmit()")

    typed("/bursar spend")
    page.until("document.querySelector('.message.ephemeral')?.textContent.includes('asked: spend')")
    typed("costs < budget, @Ben Okafor")
    page.until("document.querySelector('.message:not(.ephemeral) .mention')?.textContent === '@Ben Okafor'")
    assert stage.player(ANA).messages(ROOM)[-1]["text"] == "costs &lt; budget, <@U0BEN>"
