"""Which inputs of Azure's resources cannot be changed in place: another value is another resource. A source per row.

Whatever names a resource (`tests.stack.azure.PLACES`) is its address, and so replaces it; these are the others. Pages
are of learn.microsoft.com, read 2026-11. A path with a dot is inside an object.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.stack.azure import PLACES


@dataclass(frozen=True)
class Fixed:
    kind: str
    path: str
    source: str


REGION = (
    "Azure Resource Manager, 'Move operation support': a resource stays in the region that it was made in"
)
ADDRESS = "Azure Resource Manager, 'Resource ID': its names are its identity"
ROLE = "Azure RBAC, 'Role assignments - create': principal, role and scope are set once; assignments are not updated"
LOCATED = (
    "resources:ResourceGroup",
    "operationalinsights:Workspace",
    "applicationinsights:Component",
    "storage:StorageAccount",
    "servicebus:Namespace",
    "keyvault:Vault",
    "appconfiguration:ConfigurationStore",
    "sql:Server",
    "sql:Database",
    "web:AppServicePlan",
    "web:WebApp",
    "web:WebAppSlot",
    "web:StaticSite",
)
TABLE = (
    *(Fixed(kind, "location", REGION) for kind in LOCATED),
    *(
        Fixed(kind, parameter, ADDRESS)
        for kind, place in PLACES.items()
        for parameter in sorted(place.parameters)
    ),
    Fixed("web:AppServicePlan", "reserved", "App Service plan overview: a plan is for Linux or for Windows"),
    Fixed("web:WebApp", "reserved", "App Service overview: an app keeps the operating system of its plan"),
    Fixed(
        "servicebus:Queue", "requiresSession", "Service Bus, 'Message sessions': set at creation of the queue"
    ),
    Fixed(
        "servicebus:Queue",
        "requiresDuplicateDetection",
        "Service Bus, 'Enable duplicate message detection': cannot be changed after the queue was made",
    ),
    Fixed("keyvault:Key", "properties.kty", "Key Vault, 'About keys': a key keeps its type for its life"),
    Fixed("keyvault:Key", "properties.keySize", "Key Vault, 'About keys': another size is another key"),
    Fixed(
        "keyvault:Vault",
        "properties.tenantId",
        "Key Vault, 'Move to another tenant': not by an update of ours",
    ),
    Fixed("authorization:RoleAssignment", "principalId", ROLE),
    Fixed("authorization:RoleAssignment", "roleDefinitionId", ROLE),
    Fixed("authorization:RoleAssignment", "principalType", ROLE),
    Fixed(
        "sql:Server", "version", "Microsoft.Sql servers: 12.0 is the only version, and it is never updated"
    ),
    Fixed("storage:StorageAccount", "kind", "Storage account overview: StorageV2 becomes no other kind"),
)


def fixed_paths(kind: str) -> tuple[str, ...]:
    return tuple(row.path for row in TABLE if row.kind == kind)


def at(inputs: Mapping[str, object], path: str) -> object:
    """The value at the path; None where there is none."""
    value: object = inputs
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return value  # pyright: ignore[reportUnknownVariableType]
