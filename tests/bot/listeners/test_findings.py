"""Pressing Expected, Investigating, Not mine and Act."""

import pytest

from storage import tables
from tests.bot.listeners.talking import Office


@pytest.mark.parametrize("verdict", ["expected", "investigating", "not_mine"])
def test_an_owners_answer_is_kept_and_the_notice_redrawn(office: Office, verdict: str) -> None:
    office.click("U_ANN", f"finding.{verdict}", "finding-1")
    row = office.row(tables.Finding, "finding-1")
    assert (row.state, row.answered_by) == (verdict, "U_ANN")
    assert "finding:finding-1" in [message.surface for message in office.messages()]


def test_somebody_elses_answer_is_refused_and_changes_nothing(office: Office) -> None:
    office.click("U_SAM", "finding.expected", "finding-1")
    assert office.row(tables.Finding, "finding-1").state == "open"
    assert office.whispers()[0][0] == "U_SAM"
    assert ("finding.refuse", "U_SAM") in office.events()


def test_act_without_a_runbook_says_what_to_do_instead(office: Office) -> None:
    office.click("U_ANN", "finding.act", "finding-1")
    assert "No runbook acts on this kind of finding yet" in office.whispers()[0][1]
    assert office.jobs() == []


def test_a_finding_that_is_gone_reads_like_one_that_never_was(office: Office) -> None:
    office.click("U_ANN", "finding.expected", "finding-9")
    assert office.whispers() == [("U_ANN", "There is no finding finding-9.")]
