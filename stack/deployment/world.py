"""What the steps of a deployment use of the world, so that tests can give them another one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from stack.packages.building import ROOT

PACKAGE = "kopitra"
"""Pulumi's name for the provider of the steps, and the beginning of their types."""


class DeploymentFailed(Exception):
    """A step did not succeed; the text says which, what was seen last, and what to do."""


class Unreachable(Exception):
    """No answer: the network, a name that is not known yet, a server that is being restarted."""


@dataclass(frozen=True)
class Answer:
    """`body`: parsed JSON, or None. Names of headers are in lower case."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def member(self, name: str) -> Any:
        """Of a JSON object; None where there is none."""
        return self.body.get(name) if isinstance(self.body, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


class Http(Protocol):
    def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: object = None,
        file: Path | None = None,
    ) -> Answer:
        """`file` is sent as it is. Raises Unreachable."""
        ...


class Timing(Protocol):
    def now(self) -> float:
        """Seconds that never go back."""
        ...

    def sleep(self, seconds: float) -> None: ...


class Sql(Protocol):
    """A connection of the deployer's to one database; every statement commits."""

    def run(self, statement: str) -> None: ...
    def close(self) -> None: ...


class SqlRefused(Exception):
    """The server does not let the deployer in, or not yet; the text is its own sentence."""


Say = Callable[[str], None]
"""Tells whoever runs `pulumi up` how far it is."""


@dataclass(frozen=True)
class World:
    """`token(scope)`: of the deployer's Entra identity. `connect(server, database, token)` raises SqlRefused.
    `migrate(server, database, token)` and `publish_content(folder, token)` raise DeploymentFailed."""

    http: Http
    timing: Timing
    token: Callable[[str], str]
    connect: Callable[[str, str, str], Sql]
    migrate: Callable[[str, str, str], None]
    publish_content: Callable[[Path, str], None]
    root: Path = ROOT
    """The checkout, with the packages that were made from it."""

    @property
    def packages(self) -> Path:
        return self.root / "build" / "packages"


def archive_of(packages: Path, app: str, build: str) -> Path:
    """The archive of that build: where it lies differs from machine to machine, so no input says it. Raises
    DeploymentFailed."""
    notes: Sequence[Path] = sorted(packages.glob(f"{app}-*.build"))
    for note in notes:
        archive = note.with_suffix(".zip")
        if note.read_text() == build and archive.exists():
            return archive
    raise DeploymentFailed(f"build {build} of {app} is not in {packages.name}: run `pulumi up` again")
