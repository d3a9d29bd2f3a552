"""The HTML report: complete, self-contained, harmless, and with every number that a trader asks for."""

import json
import re
import shutil
import subprocess
from functools import cache
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from kopitra.adapters.reports.html import report_html
from kopitra.domain.sizing_modes import ByMultiplier
from kopitra.simulation.histories.generated import Knobs, generated_history
from kopitra.simulation.whatif.plan import BrokerPlan
from kopitra.simulation.whatif.result import WhatIfResult
from kopitra.simulation.whatif.run import what_if
from kopitra_cli.whatif.tables import tables_of
from tests.unit.whatif.stories import D, follower, plan, rules

NASTY = "<script>alert(1)</script> & \"'"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
VOID = frozenset({"meta", "link", "br", "img", "input", "hr"})


@cache
def result() -> WhatIfResult:
    slips = BrokerPlan(slippage_points=(0, 8), commission_per_lot=D(3))
    small = follower(
        rules(sizing=ByMultiplier(), multiplier=D("0.1")), broker=slips, drawdown_limit_percent=D(10)
    )
    followers = {NASTY: follower(deposit=D(80_000)), "small": small, "broke": follower(deposit=D(50))}
    timeline = generated_history(11, Knobs(positions=80, partial_closes=40))
    return what_if(timeline, plan(followers=followers))


@cache
def report() -> str:
    return report_html(result(), f"history {NASTY}")


class Page(HTMLParser):
    """What an HTML parser makes of the report; unclosed or crossed elements are an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, (tag, self.open[-3:], self.getpos())

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append((self.elements[-1][1], data))
        elif self.open and self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


@cache
def page() -> Page:
    return Page(report())


def data() -> dict[str, Any]:
    (text,) = [text for attributes, text in page().scripts if attributes.get("id") == "data"]
    return json.loads(text)


def test_the_report_is_well_formed_and_every_follower_has_a_part() -> None:
    ids = [attributes.get("id") for _, attributes in page().elements]
    assert {"growth", "drawdown", "money-0", "money-1", "money-2", "money-3"} <= set(ids)
    assert {"follower-1", "follower-2", "follower-3"} <= set(ids)
    named = [name for name in ids if name]
    assert len(named) == len(set(named))


def test_nothing_is_fetched_from_anywhere() -> None:
    for tag, attributes in page().elements:
        assert tag not in ("link", "img", "iframe", "object", "base", "form")
        assert not {"src", "srcset", "action"} & attributes.keys()
        assert (attributes.get("href") or "#").startswith("#")
        assert not any(
            name.startswith("on") or (name == "style" and "url" in (value or ""))
            for name, value in attributes.items()
        )
    assert not re.search(r"@import|url\(", report())
    policy = [a["content"] for t, a in page().elements if t == "meta" and "http-equiv" in a]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"]


def test_names_are_text_and_never_markup() -> None:
    assert "<script>alert(1)" not in report()
    assert f"history {NASTY}" in page().text
    assert data()["accounts"][1]["name"] == NASTY
    scripts = [a for t, a in page().elements if t == "script"]
    assert [a.get("type") for a in scripts] == ["application/json", None, None]


def test_the_charts_draw_the_results_own_curves() -> None:
    drawn = data()["accounts"]
    for account, series in zip((result().leader, *result().followers), drawn, strict=True):
        assert series["at"] == [round(at.timestamp(), 3) for at in account.curve.at]
        assert series["equity"] == [float(value) for value in account.curve.equity]
        assert series["growth"][-1] == float(account.growth)
        assert min(series["drawdown"]) == -float(account.drawdown.percent)
        assert len({len(series[column]) for column in ("at", "growth", "drawdown", "balance", "equity")}) == 1
    assert [limit["account"] for limit in data()["limits"]] == [2]


def test_the_tables_say_what_the_result_says() -> None:
    text = page().text
    small = result().followers[1]
    assert "below the smallest volume" in text
    assert f"{small.copied:,}" in text
    assert f"{abs(small.profit):,.2f}" in text
    assert "not enough money" in text
    assert "Distance to the limit: drawdown, watched only" in text
    for month in ("2024", "Mar", "Year"):
        assert month in text
    for symbol in small.symbols:
        assert symbol.symbol in text


def test_the_library_comes_with_its_version_and_licence() -> None:
    assets = Path(report_html.__code__.co_filename).parent / "assets" / "uplot"
    assert "MIT License" in (assets / "LICENSE").read_text()
    version = re.search(r"uPlot \(v([\d.]+)\)", (assets / "uPlot.iife.min.js").read_text())
    assert version is not None
    assert version[1] in (assets / "README.md").read_text()
    assert f"uPlot {version[1]}" in page().text


def test_the_tables_on_a_terminal_name_everybody() -> None:
    console = Console(width=200, record=True, file=StringIO())
    console.print(tables_of(result()))
    text = console.export_text()
    assert NASTY in text
    for words in ("below the smallest volume", "not enough money", "copies by symbol", "leader"):
        assert words in text


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
@pytest.mark.parametrize("theme", [0, 1], ids=["dark", "light"])
def test_a_browser_draws_every_chart_without_an_error(tmp_path: Path, theme: int) -> None:
    file = tmp_path / "report.html"
    file.write_text(report(), encoding="utf-8")
    assert BROWSER is not None
    command = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0",
        f"--user-data-dir={tmp_path / 'profile'}", f"--blink-settings=preferredColorScheme={theme}",
        "--virtual-time-budget=3000", "--dump-dom", file.as_uri(),
    ]  # fmt: skip
    ran = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    assert ran.stdout.count("<canvas") == 2 + 4 + 1
    assert f'data-theme="{["dark", "light"][theme]}"' in ran.stdout
    assert "CONSOLE" not in ran.stderr, ran.stderr
