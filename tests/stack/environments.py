"""Whole environments under the stand-in for the engine, from the files that are deployed."""

import asyncio
import contextvars
import json
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, cast
from unittest.mock import patch

import yaml
from pulumi.runtime import rpc, set_all_config
from pulumi.runtime.mocks import set_mocks
from pulumi.runtime.settings import get_root_resource
from pulumi.runtime.stack import Stack as Root
from pulumi.runtime.stack import run_pulumi_func
from pulumi.runtime.sync_await import _sync_await  # pyright: ignore[reportPrivateUsage]

from stack.app_settings import Builds
from stack.packages.building import ROOT
from stack.program import PAGER_WEBHOOK, TOKEN_KEYS, Stack, deploy
from tests.stack.monitor import Captured, Monitor, read

ENVIRONMENTS = ("dev", "staging", "prod")
BUILDS = Builds(counterparty="c0ffee0000000001", functions="f00d000000000001")
RELEASE = "v0.1.0-7-g1234567"
KEY_BYTES = "bm90IGEgc2VjcmV0IG9mIGFueWJvZHkncywgb25seSBhIHRlc3Qncw=="
PAGER = "https://pager.example.com/hook/nobody-may-read-this"
SECRET_VALUES = {
    f"kopitra:{TOKEN_KEYS}": json.dumps({"2026-11": KEY_BYTES}),
    f"kopitra:{PAGER_WEBHOOK}": PAGER,
}


@dataclass(frozen=True)
class Built:
    """A whole environment: its resources in the order of registration, and the stack's outputs."""

    environment: str
    stack: Stack
    resources: tuple[Captured, ...]
    outputs: Mapping[str, Any]

    @property
    def azure(self) -> tuple[Captured, ...]:
        return tuple(each for each in self.resources if each.is_of_azure)

    def of(self, kind: str) -> tuple[Captured, ...]:
        """`kind`: as `web:WebApp`."""
        return tuple(each for each in self.azure if each.kind == kind)

    def one(self, kind: str, name: str | None = None) -> Captured:
        (found,) = [each for each in self.of(kind) if name in (None, each.name)]
        return found


def config_of(environment: str) -> dict[str, Any]:
    """The environment's file as it is, topics as objects."""
    document: Any = yaml.safe_load((ROOT / f"Pulumi.{environment}.yaml").read_text())
    return cast("dict[str, Any]", document["config"])


def as_pulumi_gives_it(config: Mapping[str, Any]) -> dict[str, str]:
    """Every value as text, objects as JSON."""
    return {
        key: value if isinstance(value, str) else json.dumps(value, default=str)
        for key, value in config.items()
    }


def changed(environment: str, **topics: Mapping[str, Any] | str | bool) -> dict[str, Any]:
    """The environment's file with some settings set otherwise, by topic: `counterparty={"plan": "P0v3"}`."""
    config = config_of(environment)
    for topic, wanted in topics.items():
        before: Any = config.get(f"kopitra:{topic}", {})
        config[f"kopitra:{topic}"] = {**before, **wanted} if isinstance(wanted, Mapping) else wanted
    return config


def build(
    environment: str,
    config: Mapping[str, Any] | None = None,
    *,
    preview: bool = False,
    builds: Builds = BUILDS,
    release: str = RELEASE,
    secrets: Mapping[str, str] = SECRET_VALUES,
) -> Built:
    """Run the program as `pulumi up` would, or `pulumi preview` for the first time. Raises SettingsInvalid."""
    given = as_pulumi_gives_it(config if config is not None else config_of(environment))
    monitor = Monitor(preview=preview)

    def run() -> tuple[Stack, dict[str, Any]]:
        set_mocks(monitor.mocks, project="kopitra", stack=environment, preview=preview, monitor=monitor)
        set_all_config({**given, **secrets}, list(secrets))
        made: list[Stack] = []
        told: dict[str, Any] = {}

        async def program() -> None:
            made.append(deploy(builds, release=release))
            root = get_root_resource()
            assert isinstance(root, Root)
            told.update(read(await rpc.serialize_properties(root.outputs, {})))

        _sync_await(run_pulumi_func(program))
        return made[0], told

    with patch.dict(os.environ, {"PULUMI_ERROR_OUTPUT_STRING": "1"}), _loop_of_its_own():
        stack, outputs = contextvars.Context().run(run)
    return Built(environment, stack, tuple(monitor.captured), outputs)


@contextmanager
def _loop_of_its_own() -> Generator[None]:
    """Pulumi takes whichever event loop is the thread's, and other tests leave none."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        asyncio.set_event_loop(None)
        loop.close()


@cache
def environment(name: str) -> Built:
    """As its file says; built once."""
    return build(name)


@cache
def first_preview(name: str) -> Built:
    """The same before anything exists."""
    return build(name, preview=True)


@cache
def with_slots() -> Built:
    """Production on a plan whose tier has slots, with everything that is off by default."""
    return build(
        "prod",
        changed(
            "prod",
            counterparty={"plan": "P0v3", "customDomain": "trade.example.com"},
            console={"enabled": True, "customDomain": "desk.example.com"},
            bus={"tier": "Standard", "sessions": True, "duplicateDetection": True},
            configuration={"featureFlags": {"net-books": True}},
            sql={"developerAddresses": [{"name": "office", "address": "203.0.113.7"}]},
        ),
    )
