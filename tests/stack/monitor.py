"""A stand-in for Pulumi's engine that remembers what it was asked for: inputs, parent, protect, dependencies."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi.runtime import Mocks
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, set_mocks

from stack.app_settings import Builds
from stack.program import Stack
from stack.settings import Settings

SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"


@dataclass(frozen=True)
class Captured:
    """One resource as the engine would get it."""

    type: str
    name: str
    inputs: Mapping[str, Any]
    parent: str
    protect: bool
    dependencies: tuple[str, ...]
    urn: str


class _Answers(Mocks):
    """Ids and the few outputs that the program reads."""

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        inputs: dict[str, Any] = dict(args.inputs)
        shown = next((inputs[key] for key in sorted(inputs) if key.endswith("Name") and "roup" not in key), args.name)
        outputs = inputs | {"name": inputs.get("name", shown)}
        outputs |= OUTPUTS.get(args.typ, _nothing)(args.name, inputs)
        return f"/mock/{args.typ}/{args.name}", outputs

    def call(self, args: MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        return ({"properties": {"apiKey": "token-of-the-site"}}, None)


def _nothing(name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {}


OUTPUTS: dict[str, Callable[[str, Mapping[str, Any]], dict[str, Any]]] = {
    "azure-native:storage:StorageAccount": lambda name, inputs: {
        "primaryEndpoints": {
            "table": f"https://{inputs['accountName']}.table.core.windows.net/",
            "blob": f"https://{inputs['accountName']}.blob.core.windows.net/",
        }
    },
    "azure-native:web:WebApp": lambda name, inputs: {
        "identity": {"principalId": f"principal-of-{name}", "type": "SystemAssigned"},
        "defaultHostName": f"{inputs['name']}.azurewebsites.net",
    },
    "azure-native:web:WebAppSlot": lambda name, inputs: {
        "identity": {"principalId": f"principal-of-{name}", "type": "SystemAssigned"}
    },
    "azure-native:web:StaticSite": lambda name, inputs: {"defaultHostname": f"{name}.azurestaticapps.net"},
    "azure-native:sql:Server": lambda name, inputs: {
        "fullyQualifiedDomainName": f"{inputs['serverName']}.database.windows.net"
    },
    "azure-native:appconfiguration:ConfigurationStore": lambda name, inputs: {
        "endpoint": f"https://{inputs['configStoreName']}.azconfig.io"
    },
    "azure-native:applicationinsights:Component": lambda name, inputs: {
        "connectionString": "InstrumentationKey=00000000-0000-4000-8000-00000000000a"
    },
    "azure-native:keyvault:Key": lambda name, inputs: {
        "keyUri": f"https://{inputs['vaultName']}.vault.azure.net/keys/{inputs['keyName']}"
    },
}


class Monitor(MockMonitor):
    """Records every registration as it comes."""

    def __init__(self) -> None:
        super().__init__(_Answers())
        self.captured: list[Captured] = []

    def RegisterResource(self, request: Any) -> Any:
        response = super().RegisterResource(request)
        inputs = pulumi.runtime.rpc.deserialize_properties(request.object, keep_unknowns=True)
        self.captured.append(
            Captured(
                type=request.type,
                name=request.name,
                inputs=inputs,
                parent=request.parent,
                protect=request.protect,
                dependencies=tuple(request.dependencies),
                urn=response.urn,
            )
        )
        return response


@dataclass
class Built:
    """A whole environment under the stand-in."""

    settings: Settings
    resources: list[Captured]
    outputs: dict[str, Any] = field(default_factory=dict[str, Any])

    def of(self, kind: str) -> list[Captured]:
        """`kind`: as `web:WebApp`."""
        return [each for each in self.resources if each.type == f"azure-native:{kind}"]
