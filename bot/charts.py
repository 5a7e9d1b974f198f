"""The digest's chart: two weeks of daily spend, this week in colour. Drawn by the worker only."""

import json
from decimal import Decimal
from typing import Any

from bot.blocks import digest as message
from bot.blocks import kit
from spend import money
from spend.digest import Digest, Figure
from spend.period import DAY, month_of

WIDTH, HEIGHT, SCALE = 800, 400, 2
NOW, BEFORE, BUDGET = "#2f6fde", "#b8c4d6", "#c2410c"
#: A line or a bar needs at least two days to tell anything.
FEWEST_DAYS = 2


def digest_png(digest: Digest) -> bytes | None:
    """The chart as a PNG of 1600 by 800 pixels, or None where there is nothing to draw."""
    if (drawn := spec(digest)) is None:
        return None
    import vl_convert  # it is large, and the talker never draws

    return bytes(vl_convert.vegalite_to_png(json.dumps(drawn), scale=SCALE))


def spec(digest: Digest) -> dict[str, Any] | None:
    """The chart as a Vega-Lite specification, or None where there is nothing to draw."""
    days = _days(digest)
    if (figure := _figure(digest)) is None or len(days) < FEWEST_DAYS:
        return None
    sign = kit.SIGNS.get(figure.currency, "")
    axis = {"title": None, "format": "~s" if max(abs(a) for _, a in days) >= 10_000 else ",.0f"}  # noqa: PLR2004 - from five digits on, 12k reads better
    axis["labelExpr"] = f"{json.dumps(sign)} + datum.label"
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": WIDTH,
        "height": HEIGHT,
        "autosize": {"type": "fit", "contains": "padding"},
        "padding": 16,
        "background": "white",
        "data": {"values": [_bar(digest, day, amount) for day, amount in days]},
        "layer": [_bars([kit.day(day) for day, _ in days], axis), *_budget(figure, digest)],
        "config": {"font": "sans-serif", "axis": {"labelFontSize": 14}, "view": {"stroke": None}},
    }


def alt(digest: Digest) -> str | None:
    """What the chart shows, in words, for those who do not see it; None where there is none."""
    days, figure = _days(digest), _figure(digest)
    if figure is None or len(days) < FEWEST_DAYS:
        return None
    now = [(day, amount) for day, amount in days if day in digest.week]
    top = max(now or days, key=lambda one: one[1])
    low = min(now or days, key=lambda one: one[1])
    text = (
        f"Bar chart of spend per day in {kit.clip(figure.currency, 5)}, "
        f"{kit.days(days[0][0], days[-1][0])}. "
        f"This week: most on {kit.day(top[0])} with {kit.amount(top[1], figure.currency)}, "
        f"least on {kit.day(low[0])} with {kit.amount(low[1], figure.currency)}."
    )
    if (limit := _limit(figure, digest)) is not None:
        text += f" A line marks the budget of {kit.amount(limit, figure.currency, whole=True)} a day."
    return text


def _figure(digest: Digest) -> Figure | None:
    figures = message.by_size(digest)
    return figures[0] if figures else None


def _days(digest: Digest) -> list[tuple[Any, Decimal]]:
    """The days of the chart, of the currency with most money; a day without a charge cost nothing."""
    figure = _figure(digest)
    if figure is None:
        return []
    start = digest.week.before().start
    spent = dict.fromkeys((start + n * DAY for n in range((digest.week.end - start).days)), money.ZERO)
    found = [one for one in digest.daily if one.currency == figure.currency and one.day in spent]
    for one in found:
        spent[one.day] += one.amount
    return list(spent.items()) if found else []


def _limit(figure: Figure, digest: Digest) -> Decimal | None:
    """The month's budget per day, in the month in which the week ends."""
    if figure.budget is None:
        return None
    return figure.budget.budget.amount / len(month_of(digest.week.end - DAY))


def _bar(digest: Digest, day: Any, amount: Decimal) -> dict[str, Any]:
    week = "this week" if day in digest.week else "the week before"
    return {"day": kit.day(day), "amount": float(amount), "week": week}


def _bars(order: list[str], axis: dict[str, Any]) -> dict[str, Any]:
    legend = {"title": None, "orient": "top", "labelFontSize": 15, "direction": "horizontal"}
    return {
        "mark": {"type": "bar", "cornerRadiusEnd": 3},
        "encoding": {
            "x": {"field": "day", "type": "ordinal", "sort": order, "axis": {"title": None, "labelAngle": 0}},
            "y": {"field": "amount", "type": "quantitative", "axis": axis},
            "color": {
                "field": "week",
                "type": "nominal",
                "scale": {"domain": ["the week before", "this week"], "range": [BEFORE, NOW]},
                "legend": legend,
            },
        },
    }


def _budget(figure: Figure, digest: Digest) -> list[dict[str, Any]]:
    if (limit := _limit(figure, digest)) is None:
        return []
    words = f"dashed: budget, {kit.amount(limit, figure.currency, whole=True)} a day"
    line = {"type": "rule", "color": BUDGET, "strokeDash": [6, 4], "size": 2}
    label = {"type": "text", "align": "right", "fontSize": 15, "color": BUDGET, "text": words}
    once: dict[str, Any] = {"values": [{}]}  # else each is drawn over itself for every day
    return [
        {"data": once, "mark": line, "encoding": {"y": {"datum": float(limit)}}},
        {"data": once, "mark": label, "encoding": {"x": {"value": "width"}, "y": {"value": -16}}},
    ]
