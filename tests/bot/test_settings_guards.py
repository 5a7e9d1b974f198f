"""What holds runs back, as the settings say it: read into rules, and refused with a sentence."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from actions.blast import Caps
from actions.moment import Budget
from actions.window import Window
from tests.bot.test_settings import problems, read

SETTINGS = """\
zone: Europe/Berlin
freezes:
  - {name: year end, from: 2026-12-19 18:00, to: 2027-01-07}
  - {name: friday, from: "16:00", to: "24:00", days: [fri], zone: UTC}
business_hours: {from: "09:00", to: "17:30", holidays: DE-BY}
incidents:
  url: https://alerts.internal/api/v2/alerts?active=true
  title: labels.alertname
  where: {labels.severity: [critical]}
  told_within: 1h
prometheus: {url: "http://prometheus:9090"}
error_budgets:
  shop: {query: left, least: 0.2}
caps:
  targets_per_day: 7
  percent_of_fleet: 25
  amount_per_day: 1500.50 EUR
  equivalents: {USD: 0.92}
"""


def test_everything_that_holds_back_is_read(tmp_path: Path) -> None:
    secrets = {"BURSAR_INCIDENTS_TOKEN": "s3cret-1", "BURSAR_PROMETHEUS_TOKEN": "s3cret-2"}
    settings = read(tmp_path, SETTINGS, **secrets)
    org = settings.org()
    year_end, friday = org.freezes
    assert year_end.against(datetime(2026, 12, 19, 17, tzinfo=UTC))
    assert not year_end.against(datetime(2026, 12, 19, 16, 59, tzinfo=UTC))
    assert friday.when == Window(("fri",), "16:00", "24:00", "UTC")
    assert org.business_hours is not None
    days = ("mon", "tue", "wed", "thu", "fri")
    assert org.business_hours.window == Window(days, "09:00", "17:30", "Europe/Berlin")
    assert org.business_hours.holidays == "DE-BY"
    assert org.error_budgets == {"shop": Budget("shop", "left", Decimal("0.2"))}
    assert org.incidents_told_within == timedelta(hours=1)
    assert org.caps == Caps(7, 25, Decimal("1500.50"), "EUR", {"USD": Decimal("0.92")}, "Europe/Berlin")
    incidents, prometheus = settings.incidents(), settings.prometheus()
    assert incidents is not None
    assert prometheus is not None
    assert (incidents.address.token, prometheus.address.token) == ("s3cret-1", "s3cret-2")
    assert incidents.where == {"labels.severity": ("critical",)}
    assert "s3cret" not in f"{settings} {incidents} {prometheus}"


def test_without_a_word_of_it_the_caps_hold_and_nothing_else_is_asked(tmp_path: Path) -> None:
    settings = read(tmp_path, "zone: UTC\n")
    org = settings.org()
    assert (org.freezes, org.business_hours, org.error_budgets) == ((), None, {})
    assert (settings.incidents(), settings.prometheus()) == (None, None)
    assert org.caps == Caps()


WRONG = [
    ('freezes: [{name: a, from: "16:00", to: "18:00"}]', "or add `days:` for each week"),
    ("freezes: [{name: a, from: 2026-12-19, to: 2026-12-19}]", "it ends before it begins"),
    ("freezes: [{name: a, from: 2026-02-30, to: 2026-12-19}]", "day"),
    ('freezes: [{name: a, from: 2026-12-19, to: "24:00", days: [fri]}]', "write times of day"),
    ('freezes: [{name: a, from: "24:00", to: "24:00", days: [fri]}]', "write times of day"),
    ('freezes: [{name: a, from: "10:00", to: "10:00", days: [fri]}]', "it ends when it begins"),
    ('freezes: [{name: a, from: "10:00", to: "11:00", days: []}]', "at least 1 item"),
    ('business_hours: {from: "17:00", to: "09:00"}', "business hours end on the day on which they begin"),
    ('business_hours: {from: "09:00", to: "17:00", holidays: ZZ}', "nobody knows the holidays of 'ZZ'"),
    ("prometheus: {url: file:///etc/passwd}", "write an address such as https://"),
    ("prometheus: {url: https://ann:pw@prometheus}", "without a user in it"),
    ("incidents: {url: alerts.internal}", "write an address such as https://"),
    ("incidents: {told_within: soon}", "write a duration"),
    ("error_budgets: {shop: {query: left, least: 0.2}}", "add `prometheus:` with its url"),
    ("error_budgets: {shop: {query: left, least: 20}}", "less than or equal to 1"),
    ("caps: {amount_per_day: 5000}", "write an amount with its currency"),
    ("caps: {percent_of_fleet: 0}", "greater than or equal to 1"),
    ("caps: {targets_per_day: -1}", "greater than or equal to 0"),
    ("caps: {equivalents: {EUR: 0}}", "greater than 0"),
]


@pytest.mark.case("V2.1.3")
@pytest.mark.parametrize(("text", "said"), WRONG)
def test_what_cannot_be_meant_is_refused_with_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    [problem] = problems(tmp_path, text)
    assert said in problem
    assert problem.startswith("bursar.yaml:1 ")
