"""Every case of the catalogue has a test that carries its number, and the page names the tests there are."""

import ast
from collections.abc import Mapping

import pytest

from tests import cases
from tests.test_architecture import PRODUCT, ROOT, dotted, parsed

#: The calls by which a listener is given the id of what was pressed, submitted or opened.
LISTENS = {"on_action", "on_submit", "app.action", "app.view", "app.shortcut", "app.command", "app.event"}


@pytest.fixture(scope="module")
def proofs() -> Mapping[str, list[str]]:
    """The tests that carry each id; reading all of them takes a while."""
    return cases.proofs()


def test_every_case_is_carried_by_a_test(proofs: Mapping[str, list[str]]) -> None:
    assert [one for one in cases.CASES if one not in proofs] == []


def test_a_mark_names_a_case_that_there_is(proofs: Mapping[str, list[str]]) -> None:
    assert set(proofs) <= {*cases.CASES, *cases.ASVS}


def test_enough_of_the_standard_is_shown_by_tests(proofs: Mapping[str, list[str]]) -> None:
    assert len(set(proofs) & set(cases.ASVS)) >= 45


def test_the_page_names_exactly_the_tests_that_there_are(proofs: Mapping[str, list[str]]) -> None:
    page = cases.PAGE.read_text(encoding="utf-8")
    assert cases.section(proofs) in page, "run `python -m tests.cases`"


def pressed() -> set[str]:
    """The ids that the listeners listen to."""
    found = set()
    for path in PRODUCT:
        if not path.is_relative_to(ROOT / "bot" / "listeners"):
            continue
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call) and dotted(node.func) in LISTENS:
                found |= {
                    str(one.value)
                    for one in node.args
                    if isinstance(one, ast.Constant) and isinstance(one.value, str)
                }
    return found


@pytest.mark.case("V8.1.1", "V8.2.1")
def test_who_may_press_what_is_written_down_for_everything_that_can_be_pressed() -> None:
    page = cases.PAGE.read_text(encoding="utf-8")
    table = page.partition("## Who may do what")[2].partition("\n## ")[0]
    assert len(pressed()) > 15
    assert [one for one in sorted(pressed()) if f"`{one}`" not in table] == []
