"""Claiming and disputing from a digest."""

import json

from storage import tables
from tests.bot.listeners.talking import VIEW, Office, errors_of


def test_claim_opens_a_skeleton_at_once_and_queues_the_look_up(office: Office) -> None:
    office.click("U_ANN", "charge.claim", "digest-1:2")
    (opened,) = office.slack.of("views.open")
    assert "One moment" in str(opened["view"])
    (job,) = office.jobs()
    assert (job.kind, job.args) == (
        "claim.preview",
        {"actor": "U_ANN", "digest": "digest-1", "item": 2, "view": VIEW},
    )


def test_dispute_opens_a_skeleton_at_once_and_queues_the_look_up(office: Office) -> None:
    office.click("U_ANN", "charge.dispute", "digest-1:0")
    (job,) = office.jobs()
    assert (job.kind, job.args["item"], job.args["view"]) == ("dispute.preview", 0, VIEW)


def test_who_owns_nothing_is_refused_in_the_modal_that_is_open(office: Office) -> None:
    office.click("U_OUT", "charge.dispute", "digest-1:0")
    assert office.jobs() == []
    (said,) = office.messages()
    assert (said.kind, said.template, said.surface) == ("view", "dispute_view", VIEW)
    assert said.args["error"].startswith("Only an owner of checkout")
    assert ("charge.refuse", "U_OUT") in office.events()


def test_a_claim_is_two_clicks_and_finance_is_told(office: Office) -> None:
    assert errors_of(office.submit("U_ANN", "claim.submit", "digest-1:2", {})) == {}
    (row,) = [message for message in office.messages() if message.template == "claim"]
    claim = office.row(tables.Ownership, row.subject)
    assert (claim.team, claim.service, claim.resource) == ("checkout", "Amazon S3", "logs-2")
    assert row.channel == "C_FINANCE"


def test_the_wide_choice_takes_the_whole_service(office: Office) -> None:
    office.submit("U_ANN", "claim.submit", "digest-1:2", {"width": "wide"})
    (row,) = [message for message in office.messages() if message.template == "claim"]
    assert office.row(tables.Ownership, row.subject).resource is None


def test_a_second_claim_of_the_same_is_refused_where_there_is_no_input_to_show_it_at(office: Office) -> None:
    office.submit("U_ANN", "claim.submit", "digest-1:2", {})
    answer = errors_of(office.submit("U_SAM", "claim.submit", "digest-1:2", {}))
    assert answer["response_action"] == "update"
    assert "claimed this already" in json.dumps(answer["view"])


def test_a_dispute_needs_a_reason_and_another_team(office: Office) -> None:
    own = {"team": "checkout", "reason": "not ours"}
    answer = errors_of(office.submit("U_ANN", "dispute.submit", "digest-1:0", own))
    assert "already" in answer["errors"]["reason"]
    right = {"team": "search", "reason": "the index runs there"}
    assert errors_of(office.submit("U_ANN", "dispute.submit", "digest-1:0", right)) == {}
    (job,) = office.jobs()
    assert job.kind == "dispute.open"
    assert (job.args["reason"], job.args["proposed_team"]) == ("the index runs there", "search")


def test_a_submission_delivered_twice_opens_one_dispute(office: Office) -> None:
    values = {"reason": "not ours"}
    for _ in range(2):
        office.submit("U_ANN", "dispute.submit", "digest-1:0", values, trigger_id="trigger.same")
    assert len(office.jobs()) == 1


def test_the_shortcut_on_a_digest_asks_which_charge_and_then_looks_it_up(office: Office) -> None:
    office.shortcut("U_ANN", "C_CHECKOUT", "1700000000.000009")
    (opened,) = office.slack.of("views.open")
    assert "Amazon EC2 · worker-7 +$812.40" in json.dumps(
        json.loads(str(opened["view"])) if isinstance(opened["view"], str) else opened["view"],
        ensure_ascii=False,
    )
    answer = errors_of(office.submit("U_ANN", "dispute.pick", "digest-1", {"charge": "1"}))
    assert answer["response_action"] == "update"
    assert "One moment" in json.dumps(answer["view"], ensure_ascii=False)
    job = office.queued()
    assert (job.kind, job.args["digest"], job.args["item"]) == ("dispute.preview", "digest-1", 1)


def test_the_shortcut_elsewhere_says_where_it_works(office: Office) -> None:
    office.shortcut("U_ANN", "C_CHECKOUT", "1700000000.999999")
    (opened,) = office.slack.of("views.open")
    assert "This works on a digest only" in str(opened["view"])
