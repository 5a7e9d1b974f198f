"""From a row of the outbox to a message: every template draws from the rows as they are now."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from actions.plan import PlanState
from actions.step import StepState
from bot.blocks.templates import BUILT
from bot.render import render
from bot.rendered import IMAGE_ID, Rendered
from flows.desk import Desk
from spend.errors import NotFound
from storage import plans, tables
from storage import standing as consents
from storage.lake import Lake
from tests.bot.blocks import oracle, samples, test_standing
from tests.databases import Database

NOW = samples.NOW


@pytest.fixture
def desk(sqlite: Database, tmp_path: Path) -> Iterator[Desk]:
    """A desk with one record of each kind."""
    store = sqlite.store()
    with store.writing(NOW) as unit:
        plans.save(unit, samples.plan())
        unit.add(samples.finding())
        unit.add(samples.dispute())
        unit.add(samples.warned())
        unit.add(samples.recovery())
        unit.add(samples.watched())
        consents.save(unit, test_standing.ONE)
        unit.add(
            tables.Digest(
                id="digest-1",
                team="checkout",
                week=samples.WEEK.start,
                figures=samples.digest().to_data(),
                published_at=NOW,
            )
        )
        unit.add(
            tables.Ownership(
                id="claim-1",
                state="active",
                team="checkout",
                account="111111111111",
                service="Amazon S3",
                resource=None,
                valid_from=date(2026, 11, 1),
                claimed_by="U_ANN",
                claimed_at=NOW,
            )
        )
    yield Desk(store, Lake(tmp_path), samples.ORG, {})
    store.close()


def message(template: str, subject: str, **more: Any) -> tables.Message:
    row = {"id": "m", "state": "pending", "number": 1, "kind": "post", "channel": "C1", "due_at": NOW}
    return tables.Message(**{**row, "created_at": NOW, "template": template, "subject": subject, **more})


def drawn(desk: Desk, template: str, subject: str, **more: Any) -> Rendered:
    found = render(desk, message(template, subject, **more), NOW)
    if found.view is None:
        oracle.message(found.text, found.blocks)
    else:
        oracle.view(found.view)
    return found


SUBJECTS = {
    "claim": "claim-1",
    "claim_view": "",
    "digest": "digest-1",
    "digest_detail": "digest-1",
    "digest_restated": "digest-1",
    "dispute": "dispute-1",
    "dispute_restated": "dispute-1",
    "dispute_ruled": "dispute-1",
    "dispute_view": "",
    "finding": "finding-1",
    "home": "U_ANN",
    "plan": "plan-abc",
    "plan_detail": "plan-abc",
    "recovery": "recovery-1",
    "run_told": "plan-abc",
    "sentence": "",
    "standing": "standing-abc",
    "warned": "warned-1",
    "watched": "watched-1",
}


#: What comes with some of the messages besides the words that all are given.
ARGS: dict[str, Any] = {
    "digest_restated": samples.restatement().to_data(),
    "dispute_restated": {
        "old": {"effective": "812.405", "billed": "900"},
        "new": {"effective": "800", "billed": "880"},
    },
}


@pytest.mark.parametrize("template", sorted(BUILT))
def test_each_template_draws_a_message_that_slack_takes(desk: Desk, template: str) -> None:
    args = {"text": "Hello.", "error": "Not yours.", "names": ["dev-box-1"], "team": "checkout"}
    found = drawn(desk, template, SUBJECTS[template], args=args | ARGS.get(template, {}))
    assert 0 < len(found.text) <= 150


@pytest.mark.parametrize("template", ["digest", "finding", "dispute", "plan", "claim"])
def test_a_record_that_is_gone_is_named(desk: Desk, template: str) -> None:
    with pytest.raises(NotFound, match="gone-1"):
        drawn(desk, template, "gone-1")


def test_a_digest_brings_its_picture_and_the_place_for_it(desk: Desk) -> None:
    found = drawn(desk, "digest", "digest-1")
    assert found.image is not None
    assert found.image.png.startswith(b"\x89PNG")
    (place,) = [block for block in found.blocks if block["type"] == "image"]
    assert (place["slack_file"], place["alt_text"]) == ({"id": IMAGE_ID}, found.image.alt)


def test_a_card_is_drawn_as_the_rows_stand_when_it_is_delivered(desk: Desk) -> None:
    with desk.store.writing(NOW) as unit:
        plans.vote(unit, "plan-abc", "U_OPS", "approve")
        row = unit.get(tables.Plan, "plan-abc")
        unit.move(row, PlanState.APPROVED)
        unit.move(row, PlanState.RUNNING)
        plans.add_steps(unit, samples.steps(samples.plan(), StepState.NEW))
    assert "*Running.*" in oracle.read(drawn(desk, "plan", "plan-abc").blocks)


def test_a_run_that_is_being_undone_offers_no_second_undo(desk: Desk) -> None:
    run = samples.plan()
    with desk.store.writing(NOW) as unit:
        row = unit.get(tables.Plan, "plan-abc")
        for state in (PlanState.APPROVED, PlanState.RUNNING):
            unit.move(row, state)
        plans.add_steps(unit, samples.steps(run, StepState.NEW))
        for step in unit.session.query(tables.Step).all():
            unit.move(step, StepState.INTENT, before={"state": "running"})
            unit.move(step, StepState.DONE, ended_at=NOW)
        unit.move(row, PlanState.SUCCEEDED, ended_at=NOW)
    assert ("Undo", f"plan-abc:{run.hash[:16]}") in oracle.buttons(drawn(desk, "plan", "plan-abc").blocks)
    with desk.store.writing(NOW) as unit:
        plans.save(unit, replace(run, id="plan-undo", undo_of="plan-abc"))
    assert not oracle.buttons(drawn(desk, "plan", "plan-abc").blocks)
    late = render(desk, message("plan", "plan-abc"), NOW + timedelta(days=9))
    assert not oracle.buttons(late.blocks)


def test_the_claim_told_names_who_what_and_from_when(desk: Desk) -> None:
    said = oracle.read(drawn(desk, "claim", "claim-1").blocks)
    assert (
        "<@U_ANN> claimed *Amazon S3* in account platform-dev for *Checkout*, from 1 Nov on. Nobody owned"
        in said
    )


def test_a_sentence_may_name_a_person_and_quote_a_tag_but_never_ping_a_channel(desk: Desk) -> None:
    found = drawn(desk, "sentence", "", args={"text": "<@U_ANN> says: <!channel> & more"})
    assert oracle.words(found.blocks) == ["<@U_ANN> says: &lt;!channel&gt; &amp; more"]


def test_the_home_is_drawn_for_the_person_who_opened_it(desk: Desk) -> None:
    found = drawn(desk, "home", "U_OPS", person="U_OPS")
    assert found.view is not None
    assert "plan-abc" in str(found.view)
    mine = drawn(desk, "home", "U_ANN", person="U_ANN")
    assert "plan-abc" not in str(mine.view)


def test_a_template_that_is_not_there_is_named(desk: Desk) -> None:
    with pytest.raises(NotFound, match="'nonsense'"):
        drawn(desk, "nonsense", "")


#: Where a bill, a tag or a person may have written anything at all.
FREE = frozenset(
    {"title", "name", "reason", "why", "detail", "outcome", "resource", "service", "usage_type", "text"}
    | {"what", "source", "account", "subject", "former"}
)


def hostile(data: Any, key: str = "") -> Any:
    """The same data with hostile words wherever words are free."""
    if isinstance(data, dict):
        return {name: hostile(value, name) for name, value in data.items()}
    if isinstance(data, list):
        return [hostile(value, key) for value in data]
    return f"{samples.PING} {data}" if isinstance(data, str) and key in FREE else data


def marked_up(part: Any) -> Iterator[str]:
    """Every text that Slack reads markup in."""
    if isinstance(part, dict):
        if part.get("type") == "mrkdwn":
            yield part["text"]
        part = list(part.values())
    if isinstance(part, list | tuple):
        for inner in part:
            yield from marked_up(inner)


@pytest.mark.case("T51", "V1.3.5")
@pytest.mark.parametrize("template", sorted(BUILT))
def test_no_name_or_reason_in_any_message_can_ping_or_link(desk: Desk, template: str) -> None:
    written = (
        *(tables.Plan, tables.Finding, tables.Dispute, tables.Digest, tables.Ownership, tables.Warned),
        *(tables.Recovery, tables.Watched),
    )
    with desk.store.writing(NOW) as unit:
        for table in written:
            for row in unit.session.query(table):
                for column, value in hostile(row.model_dump()).items():
                    setattr(row, column, value)
    args = hostile({"text": "Hello.", "error": "Not yours.", "names": ["dev-box-1"], "team": "checkout"})
    found = drawn(desk, template, SUBJECTS[template], args=hostile(ARGS.get(template, {})) | args)
    texts = [found.text, *marked_up([*found.blocks, found.view, *(found.plain or ())])]
    evils = ["<!channel>", "<https://evil"] + ["<@U_BOSS>"] * (
        template != "sentence"
    )  # which may name one person
    assert [text for text in texts for evil in evils if evil in text] == []
