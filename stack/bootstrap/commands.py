"""A step of a command of ours: which program to call, as data, so that it can be shown as well as done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ME = "<your object id>"
"""Stands in a command for whoever is signed in."""


@dataclass(frozen=True)
class Step:
    """`unless`: a command that succeeds and says something where there is nothing to do. `patient`: tried again for
    some minutes, as a grant takes a while to hold. `gives`: a placeholder of later commands, for the one word that this
    one says; of an address the part behind the last slash."""

    says: str
    command: tuple[str, ...]
    unless: tuple[str, ...] | None = None
    patient: bool = False
    gives: str | None = None


def filled(command: Sequence[str], known: Mapping[str, str]) -> tuple[str, ...]:
    """With what is known instead of its placeholders."""
    parts: list[str] = []
    for part in command:
        for placeholder, value in known.items():
            part = part.replace(placeholder, value)
        parts.append(part)
    return tuple(parts)


def az(command: str, **given: str) -> tuple[str, ...]:
    return ("az", *command.split(), *options(**given))


def options(**given: str) -> tuple[str, ...]:
    return tuple(part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", value))


def said(query: str) -> tuple[str, ...]:
    """What az is to say: nothing but this, whatever its user has configured."""
    return options(query=query, output="tsv")
