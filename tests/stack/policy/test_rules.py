"""Each rule of the policy pack lets through what it should and stops what it should."""

from dataclasses import replace
from typing import Any

import pytest

from stack.policy.judging import UNSEEN, Judged
from stack.policy.ranges import RANGES
from stack.policy.rules import RULES, STACK_RULES
from stack.policy.tagging import TAGLESS
from tests.stack.environments import ENVIRONMENTS, environment, first_preview, with_slots
from tests.stack.infrastructure.test_tags import taggable
from tests.stack.policy.judged import all_of, changed, judged

BY_NAME = {rule.name: rule for rule in RULES}
SECRET = {"name": "KOPITRA_TOKEN_KEYS", "value": "bm90IGEgc2VjcmV0IG9mIGFueWJvZHkncywgb25seSBhIHRlc3Q="}
REFERENCE = {"name": "KOPITRA_TOKEN_KEYS", "value": "@Microsoft.KeyVault(VaultName=v;SecretName=s)"}
STORAGE_KEY = {"name": "STORE", "value": "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=eA==;"}

CASES: list[tuple[str, str, str | None, str, Any, Any, str]] = [
    (
        "no-public-blobs",
        "storage:StorageAccount",
        None,
        "allowBlobPublicAccess",
        False,
        True,
        "must be False",
    ),
    ("no-public-blobs", "storage:StorageAccount", None, "allowBlobPublicAccess", False, ..., "is None"),
    ("no-public-blobs", "storage:BlobContainer", "audit", "publicAccess", "None", "Blob", "must be None"),
    ("tls-1-2", "storage:StorageAccount", None, "minimumTlsVersion", "TLS1_3", "TLS1_1", "is TLS1_1"),
    ("tls-1-2", "sql:Server", None, "minimalTlsVersion", "1.2", "1.0", "is 1.0"),
    ("tls-1-2", "servicebus:Namespace", None, "minimumTlsVersion", "1.2", ..., "is None"),
    ("tls-1-2", "web:WebApp", "app", "siteConfig.minTlsVersion", "1.3", "1.1", "is 1.1"),
    ("tls-1-2", "web:WebAppSlot", None, "siteConfig.minTlsVersion", "1.2", "1.1", "is 1.1"),
    ("https-only", "web:WebApp", "app", "httpsOnly", True, False, "httpsOnly is False"),
    ("https-only", "storage:StorageAccount", None, "enableHttpsTrafficOnly", True, False, "is False"),
    ("identities-only", "storage:StorageAccount", None, "allowSharedKeyAccess", False, True, "is True"),
    ("identities-only", "servicebus:Namespace", None, "disableLocalAuth", True, False, "is False"),
    ("identities-only", "web:WebAppScmAllowed", "no-scm-password", "allow", False, True, "allow is True"),
    (
        "identities-only",
        "keyvault:Vault",
        None,
        "properties.enableRbacAuthorization",
        True,
        False,
        "is False",
    ),
    (
        "identities-only",
        "sql:Server",
        None,
        "administrators.azureADOnlyAuthentication",
        True,
        False,
        "azureADOnlyAuthentication is False",
    ),
    ("required-tags", "sql:Database", None, "tags.owner", "platform", ..., "the tags owner are missing"),
    ("required-tags", "sql:Database", None, "tags.environment", "prod", "dev", "says dev, and this is prod"),
    (
        "allowed-regions",
        "sql:Database",
        None,
        "location",
        "uksouth",
        "brazilsouth",
        "region brazilsouth is not",
    ),
    (
        "allowed-regions",
        "monitor:MetricAlert",
        "fence-lost",
        "location",
        "global",
        "uksouth",
        "is not one of",
    ),
    (
        "allowed-tiers",
        "web:AppServicePlan",
        "plan",
        "sku.name",
        "P0v3",
        "P3v3",
        "P3v3 is not allowed in prod",
    ),
    ("allowed-tiers", "sql:Database", None, "sku.name", "GP_S_Gen5", "BC_Gen5", "BC_Gen5 is not allowed"),
    ("allowed-tiers", "servicebus:Namespace", None, "sku.name", "Basic", "Premium", "Premium is not allowed"),
    (
        "no-plain-secrets",
        "web:WebApp",
        "app",
        "siteConfig.appSettings",
        [REFERENCE],
        [SECRET],
        "looks like a secret",
    ),
    (
        "no-plain-secrets",
        "web:WebApp",
        "app",
        "siteConfig.appSettings",
        [],
        [STORAGE_KEY],
        "STORE holds what looks",
    ),
    (
        "no-plain-secrets",
        "web:WebAppSlot",
        None,
        "siteConfig.appSettings",
        [{"name": "KOPITRA_TOKEN_KEY_ID", "value": "2026-11"}],
        [{"name": "SMTP_PASSWORD", "value": "hunter2"}],
        "SMTP_PASSWORD sounds secret",
    ),
    (
        "no-plain-secrets",
        "web:WebApp",
        "app",
        "siteConfig.connectionStrings",
        [],
        [{"name": "sql", "connectionString": "Server=s"}],
        "connection strings are not used",
    ),
    ("within-limits", "sql:Database", None, "autoPauseDelay", -1, 5, "must be -1 or 15 to 10080 minutes"),
    ("within-limits", "sql:Database", None, "minCapacity", 1, 2, "minCapacity is 2, and must be 0.5 to 1"),
    ("within-limits", "sql:Database", None, "sku.capacity", 2, 3, "sku.capacity is 3"),
    (
        "within-limits",
        "operationalinsights:Workspace",
        None,
        "retentionInDays",
        90,
        7,
        "must be 30 to 730 days",
    ),
    (
        "within-limits",
        "operationalinsights:Workspace",
        None,
        "workspaceCapping.dailyQuotaGb",
        1,
        -1,
        "not unlimited",
    ),
    (
        "within-limits",
        "storage:BlobServiceProperties",
        None,
        "deleteRetentionPolicy.days",
        365,
        366,
        "1 to 365",
    ),
    ("within-limits", "keyvault:Vault", None, "properties.softDeleteRetentionInDays", 90, 91, "7 to 90"),
    ("within-limits", "servicebus:Queue", "management-tasks", "lockDuration", "PT5M", "PT6M", "5 minutes"),
    ("within-limits", "servicebus:Queue", "management-tasks", "maxDeliveryCount", 10, 0, "1 to 2000"),
    (
        "within-limits",
        "servicebus:Queue",
        "management-tasks",
        "defaultMessageTimeToLive",
        "P14D",
        "P15D",
        "14 days",
    ),
    (
        "within-limits",
        "web:WebApp",
        "functions-app",
        "functionAppConfig.scaleAndConcurrency.instanceMemoryMB",
        512,
        1024,
        "512, 2048 or 4096",
    ),
    (
        "within-limits",
        "web:WebApp",
        "functions-app",
        "functionAppConfig.scaleAndConcurrency.maximumInstanceCount",
        40,
        1001,
        "1 to 1000",
    ),
    (
        "within-limits",
        "monitor:ScheduledQueryRule",
        "ea-uptime",
        "evaluationFrequency",
        "PT5M",
        "PT1M",
        "USD 3",
    ),
    ("within-limits", "monitor:ScheduledQueryRule", "ea-uptime", "windowSize", "PT1H", "PT20M", "periods"),
    ("within-limits", "monitor:MetricAlert", "fence-lost", "windowSize", "PT15M", "PT10M", "periods"),
    (
        "within-limits",
        "storage:BlobContainerImmutabilityPolicy",
        None,
        "immutabilityPeriodSinceCreationInDays",
        1,
        0,
        "1 to 146000",
    ),
    ("within-limits", "consumption:Budget", None, "amount", 1, 0, "more than nothing"),
    (
        "within-limits",
        "costmanagement:ScheduledActionByScope",
        None,
        "displayName",
        "kopitra-anomaly-prod",
        "kopitra-anomaly-production",
        "25 characters",
    ),
    ("protected", "keyvault:Vault", None, "properties.enablePurgeProtection", True, ..., "can be purged"),
]


def of_prod(kind: str, name: str | None = None) -> Judged:
    return judged(with_slots().one(kind, name))


@pytest.mark.parametrize(("rule", "kind", "name", "path", "good", "bad", "says"), CASES)
def test_a_rule_lets_the_good_through_and_says_what_is_wrong_with_the_bad(
    rule: str, kind: str, name: str | None, path: str, good: Any, bad: Any, says: str
) -> None:
    resource = of_prod(kind, name)

    assert BY_NAME[rule].breaches(changed(resource, path, good)) == []
    breaches = BY_NAME[rule].breaches(changed(resource, path, bad))
    assert any(says in breach for breach in breaches), breaches


@pytest.mark.parametrize(("rule", "kind", "name", "path", "good", "bad", "says"), CASES)
def test_a_rule_says_nothing_about_what_is_not_known_yet(
    rule: str, kind: str, name: str | None, path: str, good: Any, bad: Any, says: str
) -> None:
    assert BY_NAME[rule].breaches(changed(of_prod(kind, name), path, UNSEEN)) == []


def test_every_rule_and_every_range_has_a_passing_and_a_failing_case() -> None:
    assert {case[0] for case in CASES} == BY_NAME.keys()
    assert {(each.kind, each.path) for each in RANGES} <= {(case[1], case[3]) for case in CASES}


@pytest.mark.parametrize(
    "kind",
    ["sql:Database", "storage:StorageAccount", "servicebus:Queue", "keyvault:Key", "resources:ResourceGroup"],
)
def test_what_holds_productions_state_must_be_protected(kind: str) -> None:
    resource = judged(with_slots().of(kind)[0])

    assert BY_NAME["protected"].breaches(resource) == []
    assert BY_NAME["protected"].breaches(replace(resource, protect=False)) == [
        "it holds state and is not protected"
    ]


def test_elsewhere_it_need_not_be() -> None:
    resource = judged(environment("dev").one("sql:Database"))

    assert not resource.protect
    assert BY_NAME["protected"].breaches(resource) == []


def test_what_holds_productions_state_must_have_a_lock() -> None:
    (locked,) = STACK_RULES
    resources = all_of(environment("prod"))
    without = [each for each in resources if "no-delete-vault" not in each.urn]
    lenient = [
        changed(each, "level", "ReadOnly") if "no-delete-bus" in each.urn else each for each in resources
    ]

    assert locked.breaches(resources) == []
    assert locked.breaches(without) == ["vault holds state and has no lock against deletion"]
    assert locked.breaches(lenient) == ["namespace holds state and has no lock against deletion"]
    assert locked.breaches(all_of(environment("dev"))) == []


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_breaks_no_rule(name: str) -> None:
    for resources in (all_of(environment(name)), all_of(first_preview(name))):
        assert [
            (each.urn, breach) for each in resources for rule in RULES for breach in rule.breaches(each)
        ] == []
        assert [breach for rule in STACK_RULES for breach in rule.breaches(resources)] == []


def test_a_tier_that_production_may_use_is_still_too_dear_for_development() -> None:
    plan = replace(of_prod("web:AppServicePlan", "plan"), urn="urn:pulumi:dev::kopitra::a::plan")

    assert BY_NAME["allowed-tiers"].breaches(plan) == ["P0v3 is not allowed in dev; B1, FC1 is"]


def test_an_environment_that_no_table_knows_may_use_nothing() -> None:
    plan = replace(of_prod("web:AppServicePlan", "plan"), urn="urn:pulumi:mine::kopitra::a::plan")

    assert BY_NAME["allowed-tiers"].breaches(plan) == ["P0v3 is not allowed in mine; nothing is"]


def test_the_kinds_without_tags_are_those_that_take_none() -> None:
    kinds = {each.kind: taggable(each) for each in with_slots().azure}

    assert {kind for kind, takes in kinds.items() if not takes} == TAGLESS
