"""A stand-in for Pulumi's Azure provider that a real engine talks to: it keeps resources in memory, as Azure does.

It refuses what Azure refuses: a resource whose parent is not there, one that is there already, the removal of what is
locked. Which change replaces a resource comes from `replacements`.
"""

from collections.abc import Mapping
from concurrent import futures
from importlib.metadata import version
from threading import Lock
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import ResourceProviderServicer, plugin_pb2, provider_pb2
from pulumi.runtime.proto.provider_pb2_grpc import add_ResourceProviderServicer_to_server

from tests.stack.azure import PLACES, id_of, outputs_of
from tests.stack.engine.replacements import at, fixed_paths

PREFIX = "azure-native:"
LOCK_KIND = "authorization:ManagementLockByScope"


class AzureNative(ResourceProviderServicer):
    """`cloud`: what exists, by id, with the inputs it was given. `done`: what was done, as `create WebApp app`."""

    def __init__(self) -> None:
        self.cloud: dict[str, tuple[str, dict[str, Any]]] = {}
        self.done: list[str] = []
        self._lock = Lock()

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802 — the names are Pulumi's
        """Declined: what a provider can is said by `Configure`."""
        context.set_code(grpc.StatusCode.UNIMPLEMENTED)
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request: Any, context: Any) -> Any:  # noqa: N802
        return Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version=version("pulumi-azure-native"))

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.ConfigureResponse()

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        context.abort(grpc.StatusCode.PERMISSION_DENIED, f"a preview may not call {request.tok}")

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        if _kind(request.urn) not in PLACES:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"Azure has no {_kind(request.urn)}")
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        kind, old, new = _kind(request.urn), _plain(request.old_inputs), _plain(request.news)
        changed = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
        replacing = [path for path in fixed_paths(kind) if at(old, path) != at(new, path)]
        some = provider_pb2.DiffResponse.DIFF_SOME
        return provider_pb2.DiffResponse(
            changes=some if changed else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=changed,
            replaces=replacing,
            deleteBeforeReplace=True,
        )

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        kind, name, inputs = _kind(request.urn), _name(request.urn), _plain(request.properties)
        found = id_of(PREFIX + kind, name, inputs)
        with self._lock:
            if found.lower() in map(str.lower, self.cloud):
                context.abort(grpc.StatusCode.ALREADY_EXISTS, f"{found} is there already")
            parent = self._missing_parent(kind, found)
            if parent is not None:
                context.abort(grpc.StatusCode.NOT_FOUND, f"{found} was made before {parent}")
            self.cloud[found] = (kind, inputs)
            self.done.append(f"create {kind} {name}")
        return provider_pb2.CreateResponse(id=found, properties=_struct(self._state(kind, name, inputs)))

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        kind, name, inputs = _kind(request.urn), _name(request.urn), _plain(request.news)
        with self._lock:
            self.cloud[request.id] = (kind, inputs)
            self.done.append(f"update {kind} {name}")
        return provider_pb2.UpdateResponse(properties=_struct(self._state(kind, name, inputs)))

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        if request.id not in self.cloud:
            return provider_pb2.ReadResponse()
        kind, inputs = self.cloud[request.id]
        state = _struct(self._state(kind, _name(request.urn), inputs))
        return provider_pb2.ReadResponse(id=request.id, properties=state, inputs=_struct(inputs))

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        with self._lock:
            if request.id not in self.cloud:
                context.abort(grpc.StatusCode.NOT_FOUND, f"{request.id} is not there")
            locked = [
                str(inputs["scope"])
                for kind, inputs in self.cloud.values()
                if kind == LOCK_KIND and request.id.startswith(str(inputs["scope"]))
            ]
            kind = self.cloud[request.id][0]
            if locked and kind != LOCK_KIND:
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{request.id} is locked")
            del self.cloud[request.id]
            self.done.append(f"delete {kind} {_name(request.urn)}")
        return Empty()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        return Empty()

    def _missing_parent(self, kind: str, found: str) -> str | None:
        """What the id says it is a part of; what Azure makes by itself (`default` services) is always there."""
        place = PLACES[kind]
        owner = found.removesuffix(f"/{found.rsplit('/', 2)[-2]}/{found.rsplit('/', 1)[-1]}")
        while place.scope is None and "/providers/" in owner and not owner.endswith(place.provider):
            if owner in self.cloud:
                return None
            if not owner.endswith("/default"):
                return owner
            owner = owner.rsplit("/", 2)[0]
        group = found.split("/providers/", maxsplit=1)[0]
        if "/resourceGroups/" in group and kind != "resources:ResourceGroup" and group not in self.cloud:
            return group
        return None

    def _state(self, kind: str, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {**inputs, **outputs_of(PREFIX + kind, name, inputs)}


def serve(provider: AzureNative) -> tuple[Any, int]:
    """The server and its port."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def _kind(urn: str) -> str:
    return urn.split("::")[-2].rsplit("$", maxsplit=1)[-1].removeprefix(PREFIX)


def _name(urn: str) -> str:
    return urn.rsplit("::", maxsplit=1)[-1]


def _plain(message: Any) -> dict[str, Any]:
    return MessageToDict(message)


def _struct(values: Mapping[str, Any]) -> Any:
    return ParseDict(dict(values), Struct())
