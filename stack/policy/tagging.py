"""Everything that can carry tags says whose it is."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from stack.policy.judging import UNSEEN, Judged, Rule
from stack.tags import REQUIRED_TAGS

TAGLESS = frozenset(
    {
        "authorization:ManagementLockByScope",
        "authorization:RoleAssignment",
        "consumption:Budget",
        "costmanagement:ScheduledActionByScope",
        "monitor:DiagnosticSetting",
        "servicebus:Queue",
        "sql:FirewallRule",
        "storage:BlobContainer",
        "storage:BlobContainerImmutabilityPolicy",
        "storage:BlobServiceProperties",
        "storage:ManagementPolicy",
        "storage:Table",
        "web:StaticSiteCustomDomain",
        "web:WebAppDiagnosticLogsConfiguration",
        "web:WebAppDiagnosticLogsConfigurationSlot",
        "web:WebAppFtpAllowed",
        "web:WebAppFtpAllowedSlot",
        "web:WebAppHostNameBinding",
        "web:WebAppScmAllowed",
        "web:WebAppScmAllowedSlot",
        "web:WebAppSlotConfigurationNames",
    }
)
"""Kinds that Azure takes no tags for; whatever is not here must have them."""


def _tags(resource: Judged) -> Iterator[str]:
    if resource.kind in TAGLESS:
        return
    tags: Any = resource.at("tags")
    if tags is UNSEEN:
        return
    given = cast("Mapping[str, Any]", tags or {})
    missing = [name for name in REQUIRED_TAGS if not given.get(name)]
    if missing:
        yield f"the tags {', '.join(missing)} are missing"
    elif given["environment"] not in (resource.environment, UNSEEN):
        yield f"the tag environment says {given['environment']}, and this is {resource.environment}"


RULES = (Rule("required-tags", "Everything says its environment, owner and cost centre.", _tags),)
