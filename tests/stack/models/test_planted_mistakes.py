"""What the comparison with Azure's models catches: a mistake of each kind, in each generation of models."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest

from tests.stack.environments import with_slots
from tests.stack.models.checking import complaints
from tests.stack.monitor import Captured

FREE = {"tags", "metadata", "template", "value"}
"""Properties with contents of anybody's choice, so that no name within is wrong."""
Path = tuple[str | int, ...]


def planted(kind: str, name: str | None, path: Path, value: Any) -> list[str]:
    """What is said once the value at `path` is another; `...` takes it away."""
    resource = with_slots().one(kind, name)
    return complaints(_with(resource, path, value))


def _with(resource: Captured, path: Path, value: Any) -> Captured:
    inputs = copy.deepcopy(resource.plain())
    at: Any = inputs
    for step in path[:-1]:
        at = at[step]
    if value is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return replace(resource, inputs=inputs)


@pytest.mark.parametrize(
    ("kind", "name", "path", "value", "says"),
    [
        # A wrong name.
        ("sql:Database", None, ("autoPauseDelays",), 15, "autoPauseDelays is no property of Database"),
        (
            "web:WebApp",
            "app",
            ("siteConfig", "alwaysOnline"),
            True,
            "siteConfig.alwaysOnline is no property of",
        ),
        ("monitor:MetricAlert", "fence-lost", ("severities",), 1, "severities is no property of"),
        (
            "monitor:MetricAlert",
            "fence-lost",
            ("criteria", "allOf", 0, "limit"),
            1,
            "criteria.allOf[0].limit is no property of MetricCriteria",
        ),
        (
            "monitor:DiagnosticSetting",
            "vault-log",
            ("logs", 0, "categories"),
            [],
            "is no property of LogSettings",
        ),
        # A wrong value of an enum.
        (
            "storage:StorageAccount",
            None,
            ("minimumTlsVersion",),
            "1.2",
            "minimumTlsVersion is '1.2', not one of TLS1",
        ),
        ("keyvault:Key", None, ("properties", "kty"), "RSA2", "properties.kty is 'RSA2', not one of"),
        (
            "monitor:MetricAlert",
            "fence-lost",
            ("criteria", "allOf", 0, "operator"),
            ">",
            "is '>', not one of",
        ),
        (
            "monitor:ScheduledQueryRule",
            "ea-uptime",
            ("criteria", "allOf", 0, "operator"),
            "Below",
            "not one of",
        ),
        ("authorization:ManagementLockByScope", "no-delete-vault", ("level",), "Delete", "not one of"),
        # Something required that is missing.
        ("servicebus:Namespace", None, ("location",), ..., "location is missing, which SBNamespace requires"),
        ("sql:Database", None, ("serverName",), ..., "serverName is missing, which its address needs"),
        ("sql:Database", None, ("sku", "name"), ..., "name is missing, which Sku requires"),
        (
            "monitor:MetricAlert",
            "fence-lost",
            ("windowSize",),
            ...,
            "windowSize is missing, which MetricAlert",
        ),
        (
            "authorization:RoleAssignment",
            None,
            ("principalId",),
            ...,
            "principalId is missing, which RoleAssign",
        ),
        ("monitor:DiagnosticSetting", "vault-log", ("logs", 0, "enabled"), ..., "enabled is missing"),
        # Something that is Azure's to say.
        (
            "sql:Server",
            None,
            ("fullyQualifiedDomainName",),
            "mine",
            "fullyQualifiedDomainName is Azure's to say",
        ),
        ("web:WebApp", "app", ("state",), "Running", "state is Azure's to say"),
        ("monitor:ActionGroup", None, ("emailReceivers", 0, "status"), "Enabled", "status is Azure's to say"),
        (
            "applicationinsights:Component",
            None,
            ("connectionString",),
            "x",
            "connectionString is Azure's to say",
        ),
        ("monitor:DiagnosticSetting", "vault-log", ("id",), "x", "id is Azure's to say"),
        # A wrong type.
        ("web:WebApp", "app", ("httpsOnly",), "true", "httpsOnly is text, not true or false"),
        ("sql:Database", None, ("autoPauseDelay",), "15", "autoPauseDelay is text, not a number"),
        ("servicebus:Queue", "trade-agent-events", ("lockDuration",), "60s", "not a timedelta of ISO 8601"),
        ("consumption:Budget", None, ("timePeriod", "startDate"), "soon", "not a datetime of ISO 8601"),
        ("monitor:MetricAlert", "fence-lost", ("scopes",), "all", "scopes is text, not a list"),
        (
            "storage:ManagementPolicy",
            None,
            ("policy", "rules", 0, "definition"),
            "x",
            "is text, not an object",
        ),
        ("sql:Server", None, ("tags",), ["a"], "tags is a list, not an object"),
        ("sql:Server", None, ("tags", "owner"), 1, "tags.owner is a number, not text"),
        # Out of the limits that a model knows.
        ("monitor:ActionGroup", None, ("groupShortName",), "a-name-too-long", "outside of max_length 12"),
    ],
)
def test_a_planted_mistake_is_told(kind: str, name: str | None, path: Path, value: Any, says: str) -> None:
    if kind == "authorization:RoleAssignment":
        name = "functions-monitoring-metrics-publisher-telemetry"
    problems = planted(kind, name, path, value)

    assert any(says in problem for problem in problems), problems


def test_any_name_that_is_misspelt_anywhere_is_told() -> None:
    missed: list[str] = []
    tried = 0
    for resource in with_slots().azure:
        for path in _names(resource.plain()):
            misspelt = _renamed(resource, path)
            tried += 1
            if not complaints(misspelt):
                missed.append(f"{resource.name}: {'.'.join(map(str, path))}")

    assert missed == []
    assert tried > 900


def _names(value: Any, at: Path = ()) -> Iterator[Path]:
    """Every path that ends with a name of Azure's."""
    if isinstance(value, dict):
        for key, inner in cast("dict[str, Any]", value).items():
            yield (*at, key)
            if key == "notifications":
                for chosen, notice in inner.items():
                    yield from _names(notice, (*at, key, chosen))
            elif key not in FREE:
                yield from _names(inner, (*at, key))
    elif isinstance(value, list):
        for index, inner in enumerate(cast("list[Any]", value)):
            yield from _names(inner, (*at, index))


def _renamed(resource: Captured, path: Path) -> Captured:
    inputs = copy.deepcopy(resource.plain())
    at: Any = inputs
    for step in path[:-1]:
        at = at[step]
    at[f"{path[-1]}x"] = at.pop(path[-1])
    return replace(resource, inputs=inputs)
