"""Which regions and tiers an environment may use. Both tables are the owner's to widen, on purpose and in a commit."""

from collections.abc import Iterator

from stack.policy.judging import UNSEEN, Judged, Rule

REGIONS = frozenset(
    {
        "westeurope",
        "northeurope",
        "germanywestcentral",
        "switzerlandnorth",
        "francecentral",
        "swedencentral",
        "uksouth",
        "eastus",
        "eastus2",
        "japaneast",
        "southeastasia",
    }
)
"""Near the data centres that brokers' servers stand in: Amsterdam, Frankfurt, London, New York, Tokyo, Singapore."""
EVERYWHERE = "global"
ANYWHERE_KINDS = frozenset({"monitor:ActionGroup", "monitor:MetricAlert"})

DEV = "dev"
PLANS = {
    DEV: frozenset({"B1", "FC1"}),
    "staging": frozenset({"B1", "B2", "S1", "P0v3", "FC1"}),
    "prod": frozenset({"B1", "B2", "B3", "S1", "S2", "P0v3", "P1v3", "FC1"}),
}
TIERS = {
    "servicebus:Namespace": {DEV: {"Basic"}, "staging": {"Basic", "Standard"}, "prod": {"Basic", "Standard"}},
    "storage:StorageAccount": {
        DEV: {"Standard_LRS"},
        "staging": {"Standard_LRS", "Standard_ZRS"},
        "prod": {"Standard_LRS", "Standard_ZRS", "Standard_GRS"},
    },
    "sql:Database": {DEV: {"GP_S_Gen5"}, "staging": {"GP_S_Gen5"}, "prod": {"GP_S_Gen5"}},
    "appconfiguration:ConfigurationStore": {
        DEV: {"free"},
        "staging": {"free", "standard"},
        "prod": {"free", "standard"},
    },
    "web:StaticSite": {DEV: {"Free"}, "staging": {"Free", "Standard"}, "prod": {"Free", "Standard"}},
    "web:AppServicePlan": PLANS,
    "operationalinsights:Workspace": {name: {"PerGB2018"} for name in PLANS},
}
"""Kind → environment → names of SKUs. Nothing dearer is got by a slip."""


def _region(resource: Judged) -> Iterator[str]:
    region = resource.at("location")
    allowed = {EVERYWHERE} if resource.kind in ANYWHERE_KINDS else REGIONS
    if region not in (None, UNSEEN) and region not in allowed:
        yield f"the region {region} is not one of {', '.join(sorted(allowed))}"


def _tier(resource: Judged) -> Iterator[str]:
    name = resource.at("sku.name")
    allowed = TIERS[resource.kind].get(resource.environment, frozenset[str]())
    if name is not UNSEEN and name not in allowed:
        yield f"{name} is not allowed in {resource.environment}; {', '.join(sorted(allowed)) or 'nothing'} is"


RULES = (
    Rule("allowed-regions", "Data stays in the regions that were chosen.", _region),
    Rule("allowed-tiers", "Each environment has tiers that it may use.", _tier, frozenset(TIERS)),
)
