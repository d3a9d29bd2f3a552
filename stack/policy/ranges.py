"""What Azure refuses only while it deploys, and no library before: numbers that must lie within limits."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from stack.policy.judging import UNSEEN, Judged, Rule

Fits = Callable[[Any], bool]


@dataclass(frozen=True)
class Range:
    """`source`: a page of learn.microsoft.com, read 2026-11."""

    kind: str
    path: str
    says: str
    fits: Fits
    source: str


def between(least: float, most: float) -> Fits:
    return lambda value: isinstance(value, int | float) and least <= value <= most


def minutes_of(duration: Any) -> float:
    """`PT1H`, `PT15M`, `P14D`; infinity for what is no such duration."""
    found = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", str(duration))
    if found is None:
        return float("inf")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return days * 1440 + hours * 60 + minutes + seconds / 60


def lasting(least: float, most: float) -> Fits:
    return lambda value: least <= minutes_of(value) <= most


def one_of_minutes(*allowed: int) -> Fits:
    return lambda value: minutes_of(value) in allowed


LOG_MINUTES = (5, 10, 15, 30, 45, 60, 120, 180, 240, 300, 360, 1440)
RANGES = (
    Range(
        "sql:Database",
        "autoPauseDelay",
        "-1 or 15 to 10080 minutes",
        lambda value: value == -1 or between(15, 10080)(value),
        "Serverless compute tier overview",
    ),
    Range(
        "operationalinsights:Workspace",
        "retentionInDays",
        "30 to 730 days",
        between(30, 730),
        "Manage data retention in a Log Analytics workspace",
    ),
    Range(
        "operationalinsights:Workspace",
        "workspaceCapping.dailyQuotaGb",
        "0.023 GB or more a day, and not unlimited",
        between(0.023, 100),
        "Set daily cap on Log Analytics workspace",
    ),
    Range(
        "storage:BlobServiceProperties",
        "deleteRetentionPolicy.days",
        "1 to 365 days",
        between(1, 365),
        "Soft delete for blobs",
    ),
    Range(
        "keyvault:Vault",
        "properties.softDeleteRetentionInDays",
        "7 to 90 days",
        between(7, 90),
        "Azure Key Vault soft-delete overview",
    ),
    Range(
        "servicebus:Queue", "lockDuration", "5 seconds to 5 minutes", lasting(1 / 12, 5), "Service Bus quotas"
    ),
    Range("servicebus:Queue", "maxDeliveryCount", "1 to 2000", between(1, 2000), "Service Bus quotas"),
    Range(
        "servicebus:Queue",
        "defaultMessageTimeToLive",
        "one minute to 14 days",
        lasting(1, 14 * 1440),
        "Message expiration: 14 days on Basic",
    ),
    Range(
        "web:WebApp",
        "functionAppConfig.scaleAndConcurrency.instanceMemoryMB",
        "512, 2048 or 4096 MB",
        lambda value: value in (512, 2048, 4096),
        "Azure Functions Flex Consumption plan hosting",
    ),
    Range(
        "web:WebApp",
        "functionAppConfig.scaleAndConcurrency.maximumInstanceCount",
        "1 to 1000",
        between(1, 1000),
        "Azure Functions Flex Consumption plan hosting",
    ),
    Range(
        "monitor:ScheduledQueryRule",
        "evaluationFrequency",
        "5 minutes or more: a log rule that looks each minute costs USD 3 a month",
        one_of_minutes(*LOG_MINUTES),
        "Azure Monitor pricing",
    ),
    Range(
        "monitor:ScheduledQueryRule",
        "windowSize",
        "one of Azure's periods",
        one_of_minutes(*LOG_MINUTES),
        "Create a log search alert rule",
    ),
    Range(
        "monitor:MetricAlert",
        "windowSize",
        "one of Azure's periods",
        one_of_minutes(1, 5, 15, 30, 60, 360, 720, 1440),
        "Create a metric alert rule",
    ),
    Range(
        "storage:BlobContainerImmutabilityPolicy",
        "immutabilityPeriodSinceCreationInDays",
        "1 to 146000 days",
        between(1, 146000),
        "Time-based retention policies for immutable blob data",
    ),
    Range(
        "consumption:Budget", "amount", "more than nothing", between(0.01, 1e9), "Create and manage budgets"
    ),
    Range(
        "costmanagement:ScheduledActionByScope",
        "displayName",
        "25 characters at most",
        lambda value: len(str(value)) <= 25,
        "Scheduled actions",
    ),
)
LEAST_VCORES = {1: 0.5, 2: 0.5, 4: 0.5, 6: 0.75, 8: 1.0, 10: 1.25, 12: 1.5, 14: 1.75, 16: 2.0}
"""Most vCores of a serverless database → the least that it may be given ("vCore limits for single databases")."""


def _within(resource: Judged) -> Iterator[str]:
    for each in RANGES:
        if each.kind != resource.kind:
            continue
        value = resource.at(each.path)
        if value not in (None, UNSEEN) and not each.fits(value):
            yield f"{each.path} is {value}, and must be {each.says}"
    if resource.kind == "sql:Database":
        yield from _vcores(resource)


def _vcores(resource: Judged) -> Iterator[str]:
    most, least = resource.at("sku.capacity"), resource.at("minCapacity")
    if UNSEEN in (most, least) or least is None:
        return
    if most not in LEAST_VCORES:
        yield f"sku.capacity is {most}, and must be one of {', '.join(map(str, LEAST_VCORES))}"
    elif not LEAST_VCORES[most] <= least <= most:
        yield f"minCapacity is {least}, and must be {LEAST_VCORES[most]} to {most} where the most is {most}"


RULES = (
    Rule(
        "within-limits",
        "Numbers lie within what Azure takes.",
        _within,
        frozenset({each.kind for each in RANGES}),
    ),
)
