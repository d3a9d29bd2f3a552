"""The report: one HTML file that holds its charts, scripts and styles, and asks no network for anything."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from kopitra.adapters.reports import words
from kopitra.simulation.whatif.result import (
    AccountPart,
    FollowerPart,
    LimitPart,
    MonthPart,
    SlippageBin,
    WhatIfResult,
)

PACKAGE = "kopitra.adapters.reports"
TEMPLATE = "report.html"
STYLES = ("uplot/uPlot.min.css", "report.css")
SCRIPTS = ("uplot/uPlot.iife.min.js", "report.js")
FULL_TINT = Decimal(10)
"""A month that made or lost so many percent has the strongest colour."""
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
HITS_SHOWN = 200
PERCENT = 100


def report_html(result: WhatIfResult, title: str) -> str:
    """`title`: what the history is called, such as the statement's file name."""
    return (
        _environment()
        .get_template(TEMPLATE)
        .render(
            title=title,
            result=result,
            accounts=[result.leader, *result.followers],
            data=chart_data(result),
            styles=[_asset(name) for name in STYLES],
            scripts=[_asset(name) for name in SCRIPTS],
            months=MONTHS,
            hits_shown=HITS_SHOWN,
        )
    )


def chart_data(result: WhatIfResult) -> dict[str, Any]:
    """What the charts draw. Times are seconds since 1970; all numbers are plain ones, for drawing only."""
    return {
        "accounts": [_series(account) for account in (result.leader, *result.followers)],
        "limits": [
            {"account": place, "name": limit.name, "at": _seconds(limit.at), "used": _floats(limit.used)}
            for place, follower in enumerate(result.followers, start=1)
            for limit in follower.limits
        ],
    }


def year_rows(months: Sequence[MonthPart]) -> list[tuple[str, list[Decimal | None], Decimal]]:
    """A row for each year: its months in percent, and what they come to together."""
    by_year: dict[str, dict[int, Decimal]] = {}
    for part in months:
        year, month = part.month.split("-")
        by_year.setdefault(year, {})[int(month)] = part.percent
    return [
        (year, [found.get(month) for month in range(1, 13)], _compounded(found.values()))
        for year, found in by_year.items()
    ]


def _compounded(percents: Any) -> Decimal:
    value = Decimal(1)
    for each in percents:
        value *= 1 + each / PERCENT
    return (value - 1) * PERCENT


def _series(account: AccountPart) -> dict[str, Any]:
    curve = account.curve
    return {
        "name": account.name,
        "currency": account.currency,
        "places": 0 if account.currency in words.WHOLE_UNITS else 2,
        "at": _seconds(curve.at),
        "growth": _floats(curve.growth),
        "drawdown": [-value for value in _floats(curve.drawdown)],
        "balance": _floats(curve.balance),
        "equity": _floats(curve.equity),
    }


def _seconds(times: Sequence[datetime]) -> list[float]:
    return [round(at.timestamp(), 3) for at in times]


def _floats(values: Sequence[Decimal]) -> list[float]:
    return [float(value) for value in values]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(PACKAGE, "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {
        "money": words.money,
        "percent": words.percent,
        "number": words.number,
        "volume": words.volume,
        "reason": words.reason,
        "day": words.day,
        "moment": words.moment,
        "sign": _sign,
        "tint": _tint,
        "share": _share,
        "years": year_rows,
        "bin": bin_label,
        "closest": _closest,
    }
    environment.filters.update(filters)
    tests: dict[str, Any] = {"follower": _is_follower}
    environment.tests.update(tests)
    return environment


@cache
def _asset(name: str) -> Markup:
    """A style or script as it is; ours, so nothing in it needs escaping."""
    text = (resources.files(PACKAGE) / "assets" / name).read_text(encoding="utf-8")
    return Markup(text)


def _is_follower(account: AccountPart) -> bool:
    return isinstance(account, FollowerPart)


def _sign(value: Decimal) -> str:
    return "gain" if value > 0 else "loss" if value < 0 else ""


def _tint(percent: Decimal) -> int:
    """How strong a month's colour is, in percent."""
    return int(min(abs(percent) / FULL_TINT, Decimal(1)) * PERCENT)


def _share(part: int | Decimal, whole: int | Decimal) -> Decimal:
    """Percent of a whole; nought of nothing."""
    return Decimal(part) * PERCENT / Decimal(whole) if whole else Decimal(0)


def bin_label(found: SlippageBin) -> str:
    """ "0", "1–2", "> 100" points."""
    if found.above is None:
        return f"≤ {words.number(found.upto or Decimal(0), 0)}"
    if found.upto is None:
        return f"> {words.number(found.above, 0)}"
    if found.upto - found.above == 1:
        return words.number(found.upto, 0)
    return f"{words.number(found.above, 0)} … {words.number(found.upto, 0)}"


def _closest(limit: LimitPart) -> str:
    return f"{words.percent(limit.closest, 0)} of {words.number(limit.limit)} {limit.unit}"
