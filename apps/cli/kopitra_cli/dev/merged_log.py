"""Many services' logs as one, a line each: when, who, how bad, what happened, and everything else that was said."""

import zlib
from collections.abc import Mapping
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

COLOURS = ("cyan", "magenta", "blue", "green", "yellow", "bright_cyan", "bright_magenta", "bright_blue")
LEVELS = {"debug": "dim", "info": "", "warning": "yellow", "error": "bold red"}
PLACED = ("at", "level", "event", "exception")
TIME = slice(11, 23)
"""Of an RFC 3339 moment: hours to milliseconds."""


class MergedLog:
    """`width`: of the longest service's name."""

    def __init__(self, console: Console, width: int) -> None:
        self._console = console
        self._width = width

    def say(self, service: str, line: str) -> None:
        """One line of a service: JSON as our services write it, or anything."""
        text = Text(f"{service:<{self._width}} ", style=colour_of(service))
        text.append_text(_told(line))
        self._console.print(text, soft_wrap=True, highlight=False)


def colour_of(service: str) -> str:
    """The same for the same name."""
    return COLOURS[zlib.crc32(service.encode()) % len(COLOURS)]


def _told(line: str) -> Text:
    try:
        entry = msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.MsgspecError:
        return Text(line)
    return _entry(entry)


def _entry(entry: Mapping[str, Any]) -> Text:
    level = str(entry.get("level", "info"))
    text = Text(style=LEVELS.get(level, ""))
    text.append(f"{str(entry.get('at', ''))[TIME]} ", style="dim")
    text.append(f"{level:<7} ")
    text.append(str(entry.get("event", "")), style="bold")
    for name, value in entry.items():
        if name not in PLACED:
            text.append(f" {name}=", style="dim")
            text.append(value if isinstance(value, str) else msgspec.json.encode(value).decode())
    if "exception" in entry:
        text.append(f"\n{entry['exception']}")
    return text
