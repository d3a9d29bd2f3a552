"""The live view of the demonstration: a table that moves on a terminal, plain lines everywhere else."""

from collections.abc import Sequence
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from kopitra_cli.demo.glance import Glance

BAR_WIDTH = 40
SHOWN_LINES = 3
PLAIN_STEP = 0.1
"""Without a terminal, a line for each tenth of the timeline."""


class View(Protocol):
    def say(self, line: str) -> None:
        """Something that happened once."""
        ...

    def update(self, glance: Glance) -> None:
        """How things stand; called several times a second."""
        ...

    def end(self) -> None:
        """No more updates; what was shown last stays."""
        ...


class PlainView:
    """Lines, none of them rewritten: for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next = 0.0

    def say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def update(self, glance: Glance) -> None:
        share = glance.played / glance.events if glance.events else 1.0
        if share < self._next or not glance.played:
            return
        self._next += PLAIN_STEP * (1 + int((share - self._next) / PLAIN_STEP))
        copies = ", ".join(f"{each.account} {each.copies} ({each.open})" for each in glance.followers)
        self.say(f"{_headline(glance)} · copies (open): {copies}")

    def end(self) -> None:
        pass


class LiveView:
    """One table, drawn over itself."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, transient=False)
        self._live.start()

    def say(self, line: str) -> None:
        self._live.console.print(line, markup=False, highlight=False)

    def update(self, glance: Glance) -> None:
        self._live.update(drawn(glance), refresh=True)

    def end(self) -> None:
        self._live.stop()


def view_on(console: Console) -> View:
    return LiveView(console) if console.is_terminal else PlainView(console)


def drawn(glance: Glance) -> RenderableType:
    table = Table(expand=False, title=_headline(glance), title_justify="left")
    for name in ("follower", "", "copies", "open", "skipped", "p50 ms", "p99 ms"):
        table.add_column(name, justify="left" if name in ("follower", "") else "right")
    for each in glance.followers:
        table.add_row(
            each.account,
            each.about,
            str(each.copies),
            str(each.open),
            str(each.skipped),
            _number(each.p50),
            _number(each.p99),
        )
    bar = ProgressBar(total=max(glance.events, 1), completed=glance.played, width=BAR_WIDTH)
    return Group(bar, table, *_lines("incident", glance.incidents), *_lines("killed", glance.kills))


def _headline(glance: Glance) -> str:
    label = f"{glance.label:%Y-%m-%d %H:%M}" if glance.label is not None else "–"
    return f"{glance.phase} · leader {glance.played}/{glance.events} · {label} · {glance.on_its_way} on their way"


def _lines(name: str, told: Sequence[str]) -> list[Text]:
    latest = "; ".join(told[-SHOWN_LINES:])
    return [Text(f"{name} ({len(told)}): {latest}", overflow="ellipsis", no_wrap=True)] if told else []


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"
