"""Every source module of the repository's own packages, parsed once."""

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scripts.tooling.environment import MEMBERS
from scripts.tooling.steps import ROOT


@dataclass(frozen=True)
class Module:
    name: str
    """Dotted, as it is imported."""
    path: Path
    tree: ast.Module

    def is_in(self, package: str) -> bool:
        return f"{self.name}.".startswith(f"{package}.")


@dataclass(frozen=True)
class Member:
    """A folder with a pyproject of its own."""

    folder: Path
    distribution: str
    packages: tuple[str, ...]
    required: tuple[str, ...]
    extras: dict[str, list[str]]

    def modules(self) -> Iterator[Module]:
        for package in self.packages:
            for path in sorted((self.folder / package).rglob("*.py")):
                parts = path.relative_to(self.folder).with_suffix("").parts
                name = ".".join(part for part in parts if part != "__init__")
                yield Module(name, path, ast.parse(path.read_text(), str(path)))


@cache
def members() -> tuple[Member, ...]:
    return tuple(_member(ROOT / folder) for folder in MEMBERS)


@cache
def modules() -> tuple[Module, ...]:
    return tuple(module for member in members() for module in member.modules())


def _member(folder: Path) -> Member:
    settings = tomllib.loads((folder / "pyproject.toml").read_text())
    project = settings["project"]
    return Member(
        folder,
        project["name"],
        tuple(settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]),
        tuple(project["dependencies"]),
        project.get("optional-dependencies", {}),
    )
