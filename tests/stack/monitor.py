"""A stand-in for Pulumi's engine that remembers what it was asked for: inputs, parent, protect, dependencies.

It gives out what Azure would: ids, and the few outputs that the program reads. In a preview it gives out nothing, so
everything that is only known afterwards is unknown. What is secret stays marked as such.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from google.protobuf.json_format import MessageToDict
from pulumi.runtime import Mocks
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs

from tests.stack.azure import id_of, outputs_of

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"
UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Pulumi's own marks on the wire."""


@dataclass(frozen=True)
class Secret:
    """A value that the engine would encrypt."""

    value: Any


class Unknown:
    """A value that is known only once its resource exists."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Captured:
    """One resource as the engine would get it. `parent`, `dependencies` and `urn` are URNs; `sources`: by input, the
    URNs of what it is taken from."""

    type: str
    name: str
    inputs: Mapping[str, Any]
    parent: str
    protect: bool
    dependencies: tuple[str, ...]
    sources: Mapping[str, tuple[str, ...]]
    ignored: tuple[str, ...]
    replaced: tuple[str, ...]
    """Inputs whose change makes it anew, the old one deleted first."""
    urn: str

    @property
    def is_of_azure(self) -> bool:
        return self.type.startswith("azure-native:")

    @property
    def kind(self) -> str:
        """Without the provider: `web:WebApp`."""
        return self.type.removeprefix("azure-native:")

    def plain(self) -> dict[str, Any]:
        """Its inputs with secrets opened."""
        return cast("dict[str, Any]", opened(dict(self.inputs)))


class Answers(Mocks):
    def __init__(self, *, preview: bool) -> None:
        self._preview = preview

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        if self._preview:
            return None, {}
        inputs = cast("dict[str, Any]", opened(args.inputs))  # pyright: ignore[reportUnknownMemberType]
        return id_of(args.typ, args.name, inputs), {**inputs, **outputs_of(args.typ, args.name, inputs)}

    def call(self, args: MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        """Nothing is asked of Azure while the program runs: whoever may only read can preview it."""
        raise AssertionError(f"the program calls {args.token}")


class Monitor(MockMonitor):
    """Records every registration as it comes."""

    def __init__(self, *, preview: bool = False) -> None:
        super().__init__(Answers(preview=preview))
        self.captured: list[Captured] = []

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 — the name is Pulumi's
        response = super().RegisterResource(request)  # pyright: ignore[reportUnknownMemberType]
        self.captured.append(
            Captured(
                type=request.type,
                name=request.name,
                inputs=read(request.object),
                parent=request.parent,
                protect=bool(request.protect),
                dependencies=tuple(request.dependencies),
                sources={name: tuple(each.urns) for name, each in request.propertyDependencies.items()},
                ignored=tuple(request.ignoreChanges),
                replaced=tuple(request.replaceOnChanges) if request.deleteBeforeReplace else (),
                urn=response.urn,
            )
        )
        return response


def read(message: Any) -> dict[str, Any]:
    """What went over the wire, with secrets and unknowns marked."""
    found: Any = _marked(MessageToDict(message))
    return cast("dict[str, Any]", found)


def opened(value: Any) -> Any:
    """The same without the marks of secrets."""
    if isinstance(value, Secret):
        return opened(value.value)
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value)
        if items.get(SIGNATURE) == SECRET_SIGNATURE:
            return opened(items["value"])
        return {key: opened(inner) for key, inner in items.items()}
    if isinstance(value, list):
        return [opened(inner) for inner in cast("list[Any]", value)]
    return value


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value at the end of a path, secrets unopened."""
    if isinstance(value, Mapping):
        for key, inner in cast("Mapping[str, Any]", value).items():
            yield from leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, inner in enumerate(cast("list[Any]", value)):
            yield from leaves(inner, f"{path}[{index}]")
    else:
        yield path, value


def _marked(value: Any) -> Any:
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value)
        if items.get(SIGNATURE) == SECRET_SIGNATURE:
            return Secret(_marked(items["value"]))
        return {key: _marked(inner) for key, inner in items.items()}
    if isinstance(value, list):
        return [_marked(inner) for inner in cast("list[Any]", value)]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return UNKNOWN if value == UNKNOWN_TEXT else value
