"""Charges, entries and daily series to test with."""

import random
from collections.abc import Callable
from datetime import date
from decimal import Decimal

from hypothesis import strategies as st

from spend.charge import Charge
from spend.ledger import Entry
from spend.period import DAY

START = date(2026, 9, 1)
TODAY = date(2026, 10, 30)

#: Amounts as bills hold them: up to 20 decimals, credits too.
amounts = st.decimals(min_value=-100_000, max_value=100_000, places=20, allow_nan=False)
positive = st.decimals(min_value="0.01", max_value=100_000, places=12, allow_nan=False)
teams = st.sampled_from(["checkout", "search", "data", "platform"])


def charge(**columns: object) -> Charge:
    """A charge of one dollar of EC2 usage without tags, but for what is given."""
    plain: dict[str, object] = {
        "day": START,
        "billing_account_id": "111111111111",
        "billing_currency": "USD",
        "charge_category": "Usage",
        "sub_account_id": "222222222222",
        "service_name": "Amazon EC2",
        "effective_cost": Decimal(1),
        "billed_cost": Decimal(1),
    }
    return Charge(**(plain | columns))  # type: ignore[arg-type]  # a test names the columns it means


def entry(name: str, team: str | None = "checkout", amount: str = "100", **columns: object) -> Entry:
    """A direct entry of the ledger, billed as much as it costs."""
    plain: dict[str, object] = {
        "id": name,
        "day": START,
        "source": "focus",
        "billing_account": "111111111111",
        "account": "222222222222",
        "service": "Amazon EC2",
        "category": "Usage",
        "charge_class": None,
        "rule": "tag",
        "team": team,
        "currency": "USD",
        "effective": Decimal(amount),
        "billed": Decimal(amount),
        "method": "direct",
        "origin": f"origin of {name}",
        "snapshot": "first",
    }
    return Entry(**(plain | columns))  # type: ignore[arg-type]  # a test names the columns it means


def calm(
    seed: int = 0,
    *,
    days: int = 60,
    base: float = 100.0,
    noise: float = 0.03,
    weekend: float = 0.6,
    shape: Callable[[int], float] = lambda _: 1.0,
) -> list[tuple[date, Decimal]]:
    """A daily series with a weekday rhythm and small noise; `shape` multiplies the n-th day."""
    rng = random.Random(seed)
    out = []
    for n in range(days):
        day = START + n * DAY
        rhythm = weekend if day.weekday() > 4 else 1.0
        amount = base * rhythm * rng.gauss(1, noise) * shape(n)
        out.append((day, Decimal(f"{amount:.6f}")))
    return out
