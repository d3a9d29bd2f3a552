"""The program run against nothing: the resources that a first preview would show, with their inputs."""

import asyncio
import contextvars
import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml
from google.protobuf.json_format import MessageToDict
from pulumi.runtime import Mocks, set_all_config
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, set_mocks
from pulumi.runtime.stack import run_pulumi_func
from pulumi.runtime.sync_await import _sync_await  # pyright: ignore[reportPrivateUsage]

from stack.app_settings import Builds
from stack.naming import APPLICATION
from stack.program import TOKEN_KEYS, deploy

NO_KEYS = json.dumps({"none": "bm90aGluZyBpcyBzaWduZWQgd2hlcmUgY29zdHMgYXJlIHJlY2tvbmVk"})
NO_BUILDS = Builds(counterparty="0" * 16, functions="0" * 16)


@dataclass(frozen=True)
class Resource:
    """`provider`: `azure-native`; `kind`: without it, `web:WebApp`. What is not known yet is a mark of Pulumi's."""

    provider: str
    kind: str
    name: str
    inputs: Mapping[str, Any]


class _NothingIsKnown(Mocks):
    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        return None, {}

    def call(self, args: MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        return {}, []


class _Recorder(MockMonitor):
    def __init__(self) -> None:
        super().__init__(_NothingIsKnown())
        self.seen: list[Resource] = []

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 — the name is Pulumi's
        provider, _, kind = str(request.type).partition(":")
        inputs = MessageToDict(request.object)
        self.seen.append(Resource(provider, kind, request.name, inputs))
        return super().RegisterResource(request)  # pyright: ignore[reportUnknownMemberType]


def configuration(root: Path, environment: str) -> dict[str, Any]:
    """What `Pulumi.<environment>.yaml` says. Raises FileNotFoundError."""
    document: Any = yaml.safe_load((root / f"Pulumi.{environment}.yaml").read_text())
    return cast("dict[str, Any]", document["config"])


def changed(config: Mapping[str, Any], topic: str, **wanted: object) -> dict[str, Any]:
    """The same with some settings of a topic set otherwise."""
    key = f"{APPLICATION}:{topic}"
    return {**config, key: {**config.get(key, {}), **wanted}}


def captured(environment: str, config: Mapping[str, Any]) -> tuple[Resource, ...]:
    """Raises SettingsInvalid."""
    recorder = _Recorder()
    secret = f"{APPLICATION}:{TOKEN_KEYS}"
    given = {
        key: value if isinstance(value, str) else json.dumps(value, default=str)
        for key, value in config.items()
        if not isinstance(value, Mapping) or "secure" not in value
    }

    def run() -> None:
        set_mocks(recorder.mocks, project=APPLICATION, stack=environment, preview=True, monitor=recorder)
        set_all_config({**given, secret: NO_KEYS}, [secret])

        async def program() -> None:
            deploy(NO_BUILDS, release="")

        _sync_await(run_pulumi_func(program))

    with _loop_of_its_own():
        contextvars.Context().run(run)
    return tuple(recorder.seen)


@contextmanager
def _loop_of_its_own() -> Generator[None]:
    """Pulumi takes whichever event loop is the thread's."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        asyncio.set_event_loop(None)
        loop.close()
