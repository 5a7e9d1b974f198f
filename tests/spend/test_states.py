"""State tables, and who may move what: claims, disputes, findings."""

from enum import StrEnum

import pytest

from spend import claim, dispute, finding
from spend.claim import Predicate
from spend.dispute import DisputeState, may_rule
from spend.errors import Conflict, InputRefused, Refused
from spend.finding import FindingState, Kind, fingerprint
from spend.moves import Moves, check, diagram

TABLES: list[tuple[Moves[StrEnum], type[StrEnum]]] = [
    (claim.MOVES, claim.ClaimState),  # type: ignore[list-item]  # a table of one enum is a table
    (dispute.MOVES, DisputeState),  # type: ignore[list-item]  # likewise
    (finding.MOVES, FindingState),  # type: ignore[list-item]  # likewise
]


@pytest.mark.parametrize(("moves", "states"), TABLES, ids=["claim", "dispute", "finding"])
def test_a_table_names_only_its_own_states_and_every_state_can_be_reached(
    moves: Moves[StrEnum], states: type[StrEnum]
) -> None:
    first = next(iter(states))
    reached = {first} | {state for to in moves.values() for state in to}
    assert reached == set(states)


@pytest.mark.parametrize("ended", [s for s in DisputeState if s is not DisputeState.OPEN])
def test_a_dispute_that_was_ruled_on_never_moves_again(ended: DisputeState) -> None:
    for to in DisputeState:
        with pytest.raises(Conflict, match=f"This dispute is already {ended}; it cannot become {to}."):
            check(dispute.MOVES, "dispute", ended, to)


def test_an_open_finding_may_be_investigated_and_then_answered() -> None:
    check(finding.MOVES, "finding", FindingState.OPEN, FindingState.INVESTIGATING)
    check(finding.MOVES, "finding", FindingState.INVESTIGATING, FindingState.EXPECTED)


def test_the_diagram_draws_each_move_once() -> None:
    assert diagram(claim.MOVES) == "stateDiagram-v2\n    active --> released"


def test_somebody_of_finance_who_did_not_open_the_dispute_may_rule() -> None:
    may_rule(DisputeState.OPEN, "U1", "U2", {"U2"})


def test_the_opener_cannot_rule_even_as_finance() -> None:
    with pytest.raises(Refused, match="You opened this dispute"):
        may_rule(DisputeState.OPEN, "U1", "U1", {"U1", "U2"})


@pytest.mark.parametrize("finance", [{"U2"}, set()], ids=["somebody else", "nobody"])
def test_a_person_outside_finance_cannot_rule(finance: set[str]) -> None:
    with pytest.raises(Refused, match="Only finance rules"):
        may_rule(DisputeState.OPEN, "U1", "U3", finance)


def test_a_second_ruling_comes_too_late() -> None:
    with pytest.raises(Conflict, match="already upheld"):
        may_rule(DisputeState.UPHELD, "U1", "U2", {"U2"})


@pytest.mark.parametrize(
    ("predicate", "taken"),
    [
        (Predicate("a", "S3", None), True),
        (Predicate("a", None, None), True),
        (Predicate(None, None, "bucket"), True),
        (Predicate("a", "S3", "other"), False),
        (Predicate("b", "S3", None), False),
    ],
)
def test_a_claim_takes_what_equals_each_field_it_names(predicate: Predicate, taken: bool) -> None:
    assert predicate.matches("a", "S3", "bucket") is taken


def test_a_claim_on_a_resource_does_not_take_charges_without_one() -> None:
    assert not Predicate(None, None, "bucket").matches("a", "S3", None)


def test_a_claim_on_nothing_in_particular_is_refused() -> None:
    with pytest.raises(ValueError, match="has to name"):
        Predicate(None, None)


def test_two_findings_are_the_same_when_kind_and_scope_are() -> None:
    assert fingerprint(Kind.IDLE, "a", None) == fingerprint(Kind.IDLE, "a", None)
    assert fingerprint(Kind.IDLE, "a", None) != fingerprint(Kind.ORPHAN, "a", None)
    assert fingerprint(Kind.IDLE, "a", None) != fingerprint(Kind.IDLE, "a", "")


def test_a_broken_input_names_its_file_line_and_column() -> None:
    error = InputRefused("no number", file="bill.csv", line=7, column="BilledCost")
    assert str(error) == "bill.csv:7 column BilledCost: no number"
    assert str(InputRefused("is empty", file="bill.csv")) == "bill.csv: is empty"
