"""FOCUS names, and tags as providers really write them."""

import pytest

from spend.charge import COSTS, DIMENSIONS, Basis, focus, has_tag, parse_tags, snake, tag


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("BilledCost", "billed_cost"),
        ("SubAccountId", "sub_account_id"),
        ("SkuPriceId", "sku_price_id"),
        ("Tags", "tags"),
        ("x_Discounts", "x_discounts"),
        ("x_ServiceCode", "x_service_code"),
        ("CommitmentDiscountStatus", "commitment_discount_status"),
    ],
)
def test_a_focus_name_has_one_spelling_in_snake_case_and_back(name: str, column: str) -> None:
    assert snake(name) == column
    assert focus(column) == name


def test_every_dimension_and_cost_survives_the_way_to_focus_and_back() -> None:
    for column in (*DIMENSIONS, *COSTS):
        assert snake(focus(column)) == column
    assert len(set(DIMENSIONS)) == len(DIMENSIONS)


def test_a_name_in_snake_case_already_stays() -> None:
    assert snake("x_already_snake") == "x_already_snake"


def test_each_basis_names_its_column() -> None:
    assert [basis.column for basis in Basis] == ["effective_cost", "billed_cost"]


@pytest.mark.parametrize("text", [None, "", "NULL", "[1]", '"team"', '{"team": ', "env: prod"])
def test_tags_that_are_no_json_object_are_no_tags(text: str | None) -> None:
    assert parse_tags(text) == {}


def test_a_key_without_a_value_is_kept_without_one() -> None:
    assert parse_tags('{"team": "a", "spot": true, "old": null, "count": 3}') == {
        "team": "a",
        "spot": None,
        "old": None,
        "count": "3",
    }


@pytest.mark.parametrize("key", ["team", "Team", "TEAM", " team "])
def test_a_tag_key_is_found_in_any_letter_case(key: str) -> None:
    assert tag({"tEAM": "search"}, key) == "search"
    assert has_tag({" Team": None}, key)


def test_of_two_spellings_of_a_key_the_first_with_a_value_counts() -> None:
    assert tag({"team": "b", "Team": "a"}, "team") == "a"
    assert tag({"team": "b", "Team": None}, "team") == "b"
    assert tag({}, "team") is None
