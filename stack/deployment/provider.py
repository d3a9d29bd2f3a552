"""Pulumi's side of the steps: a resource provider that the engine starts beside Azure's.

`python -m stack.deployment.provider ENGINE` is what `plugin/pulumi-resource-kopitra` runs. A resource stands for "this
build is what that app runs"; its inputs hold no secret, and nothing but inputs is kept in the state.
"""

import sys
import time
import traceback
from collections.abc import Mapping
from concurrent import futures
from functools import partial
from threading import Event
from typing import Any, Protocol

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import (
    ResourceProviderServicer,
    engine_pb2,
    engine_pb2_grpc,
    plugin_pb2,
    provider_pb2,
)
from pulumi.runtime.proto.provider_pb2_grpc import add_ResourceProviderServicer_to_server

from stack.deployment.commands import migrate, publish_content
from stack.deployment.console import ConsoleStep
from stack.deployment.counterparty import CounterpartyStep
from stack.deployment.database import DatabaseStep
from stack.deployment.functions import FunctionsStep
from stack.deployment.http import RequestsHttp
from stack.deployment.identity import tokens
from stack.deployment.sql_connection import connect
from stack.deployment.world import PACKAGE, DeploymentFailed, Say, World

VERSION = "1.0.0"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Pulumi's mark for what is not known before the deployment."""
BIGGEST_MESSAGE = 64 * 1024 * 1024
THREADS = 8
"""Four steps at most, and the engine's questions meanwhile."""


class Step(Protocol):
    """`target`: the input that names what is deployed to; another one is another resource."""

    @property
    def target(self) -> str: ...
    def apply(
        self, world: World, given: Mapping[str, Any], before: Mapping[str, Any] | None, say: Say
    ) -> None: ...
    def served(self, world: World, given: Mapping[str, Any]) -> str | None:
        """The build that is there now, as far as that is known without a change."""
        ...


STEPS: Mapping[str, Step] = {
    f"{PACKAGE}:deployment:Counterparty": CounterpartyStep(),
    f"{PACKAGE}:deployment:Functions": FunctionsStep(),
    f"{PACKAGE}:deployment:DatabaseContents": DatabaseStep(),
    f"{PACKAGE}:deployment:ConsoleContent": ConsoleStep(),
}
"""Pulumi's type → what it stands for."""


class SystemTiming:
    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def real_world() -> World:
    return World(
        http=RequestsHttp(),
        timing=SystemTiming(),
        token=tokens(),
        connect=connect,
        migrate=migrate,
        publish_content=publish_content,
    )


def differences(before: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Inputs that change. What is not known yet is taken for unchanged: it is the address of something that an earlier
    step changes in place, and it is compared again when it is known."""
    names = sorted({*before, *wanted})
    return [
        name for name in names if not has_unknown(wanted.get(name)) and before.get(name) != wanted.get(name)
    ]


def has_unknown(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(has_unknown, value.values()))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    return value == UNKNOWN


class Deployments(ResourceProviderServicer):
    """`engine`: where progress is told; None before the engine has said so."""

    def __init__(self, world: World, engine: str | None = None) -> None:
        self._world = world
        self._engine: Any = None
        if engine is not None:
            self._tell_to(engine)

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802 — the names are Pulumi's
        """Declined: what a provider can is said by `Configure`."""
        context.set_code(grpc.StatusCode.UNIMPLEMENTED)
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._tell_to(request.address)
        return Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version=VERSION)

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        step = _step(request.urn)
        changed = differences(_plain(request.olds), _plain(request.news))
        some = provider_pb2.DiffResponse.DIFF_SOME
        return provider_pb2.DiffResponse(
            changes=some if changed else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=changed,
            replaces=[name for name in changed if name == step.target],
        )

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        given = _plain(request.properties)
        if not request.preview:
            self._apply(request.urn, given, None, context)
        return provider_pb2.CreateResponse(id=_name(request.urn), properties=_struct(given))

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        given = _plain(request.news)
        if not request.preview:
            self._apply(request.urn, given, _plain(request.olds), context)
        return provider_pb2.UpdateResponse(properties=_struct(given))

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        """A refresh: an app that runs another build than the state says gets the stack's again with the next `up`."""
        given = _plain(request.properties)
        found = _step(request.urn).served(self._world, given)
        if found is not None and found != given.get("build"):
            self._say(request.urn, f"Another build is there: {found}, not {given.get('build')}")
            given = {**given, "build": found}
        return provider_pb2.ReadResponse(id=request.id, properties=_struct(given), inputs=request.inputs)

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The code goes with its app, the users with their database."""
        return Empty()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        return Empty()

    def _apply(
        self, urn: str, given: Mapping[str, Any], before: Mapping[str, Any] | None, context: Any
    ) -> None:
        try:
            _step(urn).apply(self._world, given, before, partial(self._say, urn))
        except DeploymentFailed as failure:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(failure))
        except Exception:  # noqa: BLE001 — the engine shows it to whoever deploys
            context.abort(grpc.StatusCode.UNKNOWN, traceback.format_exc())

    def _tell_to(self, address: str) -> None:
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def _say(self, urn: str, text: str) -> None:
        """In Pulumi's log, beside the resource."""
        if self._engine is not None:
            self._engine.Log(engine_pb2.LogRequest(severity=engine_pb2.INFO, message=text, urn=urn))


def serve(deployments: Deployments) -> tuple[Any, int]:
    """The server and its port."""
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=THREADS),
        options=[("grpc.max_receive_message_length", BIGGEST_MESSAGE)],
    )
    add_ResourceProviderServicer_to_server(deployments, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def main(arguments: list[str]) -> None:
    _, port = serve(Deployments(real_world(), engine=arguments[0] if arguments else None))
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    Event().wait()


def _step(urn: str) -> Step:
    """Raises KeyError."""
    return STEPS[urn.split("::")[-2].rsplit("$", maxsplit=1)[-1]]


def _name(urn: str) -> str:
    return urn.rsplit("::", maxsplit=1)[-1]


def _plain(message: Any) -> dict[str, Any]:
    return MessageToDict(message)


def _struct(values: Mapping[str, Any]) -> Any:
    return ParseDict(dict(values), Struct())


if __name__ == "__main__":
    main(sys.argv[1:])
