"""The commands of `make bootstrap`, as data. Each may run again: what exists is left as it is."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import yaml

from stack.bootstrap.commands import ME, Step, az, options, said

NAMESPACE = "kopitra"
PLACEHOLDER = "00000000-0000-0000-0000-000000000000"
"""What the environments' files are handed out with."""
ENVIRONMENTS = ("dev", "staging", "prod")
GROUP = "kopitra-state"
CONTAINER = "pulumi"
KEY = "pulumi-secrets"
DIGEST_CHARACTERS = 8
KEPT_DAYS = "90"
"""Versions of the state, and the vault itself, after a deletion."""
OBJECT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PERSON, WORKFLOW = "User", "ServicePrincipal"
"""Azure's kinds of principal."""
KEY_VERSION = "<the newest version of the key>"


@dataclass(frozen=True)
class Grantee:
    """Who gets which roles where: on the state's `account`, on the `vault`, on the whole `subscription`."""

    called: str
    kind: str
    roles: tuple[tuple[str, str], ...]


YOU = Grantee(
    "you",
    PERSON,
    (
        ("Storage Blob Data Contributor", "account"),
        ("Key Vault Crypto Officer", "vault"),
        ("App Configuration Data Owner", "subscription"),
    ),
)
DEPLOYER = Grantee(
    "who deploys",
    WORKFLOW,
    (
        ("Storage Blob Data Contributor", "account"),
        ("Key Vault Crypto User", "vault"),
        ("Contributor", "subscription"),
        ("Role Based Access Control Administrator", "subscription"),
        ("Locks Contributor", "subscription"),
        ("App Configuration Data Owner", "subscription"),
    ),
)
PREVIEWER = Grantee(
    "who previews",
    WORKFLOW,
    (
        ("Storage Blob Data Reader", "account"),
        ("Key Vault Crypto User", "vault"),
        ("Reader", "subscription"),
        ("App Configuration Data Reader", "subscription"),
    ),
)
"""The feature flags of an environment are data to Azure: neither Owner nor Contributor may read or write them
(docs/decisions/0221)."""


class BootstrapRefused(Exception):
    """A sentence about what is missing before anything can be made."""


@dataclass(frozen=True)
class Place:
    """Where state and secrets of one subscription's environments lie."""

    environment: str
    subscription: str
    location: str

    @property
    def account(self) -> str:
        """Storage accounts share one world: 3 to 24 lower-case letters and digits."""
        return f"kopitrastate{self._digest}"

    @property
    def vault(self) -> str:
        return f"kopitra-state-{self._digest}"

    @property
    def backend(self) -> str:
        return f"azblob://{CONTAINER}?storage_account={self.account}"

    @property
    def secrets_provider(self) -> str:
        """With the key's version: without one a rotated key opens nothing that the key before has closed."""
        return f"azurekeyvault://{self.vault}.vault.azure.net/keys/{KEY}/{KEY_VERSION}"

    def scope(self, what: str) -> str:
        within = f"resourceGroups/{GROUP}/providers"
        scopes = {
            "account": f"/{within}/Microsoft.Storage/storageAccounts/{self.account}",
            "vault": f"/{within}/Microsoft.KeyVault/vaults/{self.vault}",
            "subscription": "",
        }
        return f"/subscriptions/{self.subscription}{scopes[what]}"

    @property
    def _digest(self) -> str:
        return sha256(self.subscription.encode()).hexdigest()[:DIGEST_CHARACTERS]


def place_of(environment: str, root: Path) -> Place:
    """By `Pulumi.<environment>.yaml`. Raises BootstrapRefused."""
    config = config_of(environment, root)
    subscription = config[f"{NAMESPACE}:subscriptionId"]
    if subscription == PLACEHOLDER:
        raise BootstrapRefused(
            f"Pulumi.{environment}.yaml: {NAMESPACE}:subscriptionId is still the placeholder; fill in yours"
        )
    return Place(environment, subscription, config[f"{NAMESPACE}:location"])


def config_of(environment: str, root: Path) -> Mapping[str, Any]:
    """What `Pulumi.<environment>.yaml` says. Raises BootstrapRefused."""
    if environment not in ENVIRONMENTS:
        raise BootstrapRefused(f"ENV must be one of {', '.join(ENVIRONMENTS)}, not {environment!r}")
    document: Any = yaml.safe_load((root / f"Pulumi.{environment}.yaml").read_text())
    return cast("Mapping[str, Any]", document["config"])


def identity(name: str, given: Mapping[str, str]) -> str | None:
    """The object id that a variable gives, None without the variable. Raises BootstrapRefused: an empty one is what a
    command that found nobody leaves."""
    value = given.get(name)
    if value is not None and OBJECT_ID.fullmatch(value) is None:
        raise BootstrapRefused(f"{name} must be the object id of an identity, not {value!r}")
    return value


def steps(place: Place, deployer: str | None = None, previewer: str | None = None) -> Iterator[Step]:
    """`deployer`, `previewer`: object ids of the service principals that workflows sign in as, where there are such."""
    yield from _group_and_account(place)
    yield from _vault(place)
    for principal, grantee in ((ME, YOU), (deployer, DEPLOYER), (previewer, PREVIEWER)):
        if principal is not None:
            yield from _grants(place, principal, grantee)
    key = options(vault_name=place.vault, name=KEY)
    yield Step(
        "the key that Pulumi's secrets are under",
        (*az("keyvault key create"), *key, *options(kty="RSA", size="3072"), *said("key.kid")),
        unless=(*az("keyvault key show"), *key, *said("key.kid")),
        patient=True,
        gives=KEY_VERSION,
    )
    yield Step("where Pulumi keeps its state", ("pulumi", "login", place.backend), patient=True)
    create = ("pulumi", "stack", "select", place.environment, "--create")
    yield Step(
        f"the stack {place.environment}, with that key",
        (*create, "--secrets-provider", place.secrets_provider),
        patient=True,
    )


def _group_and_account(place: Place) -> Iterator[Step]:
    tags = ("--tags", "application=kopitra", "environment=shared")
    yield Step(
        "a group for what outlives every environment",
        (*az("group create", name=GROUP, location=place.location), *tags),
        unless=az("group show", name=GROUP),
    )
    account = az("storage account create", name=place.account, resource_group=GROUP, location=place.location)
    careful = options(
        sku="Standard_ZRS",
        kind="StorageV2",
        min_tls_version="TLS1_2",
        https_only="true",
        allow_blob_public_access="false",
        allow_shared_key_access="false",
    )
    yield Step(
        "an account for the state, by identity only",
        (*account, *careful, *tags),
        unless=az("storage account show", name=place.account, resource_group=GROUP),
    )
    yield Step(
        "its history, so that a state that was overwritten can be had back",
        az(
            "storage account blob-service-properties update",
            account_name=place.account,
            resource_group=GROUP,
            enable_versioning="true",
            enable_delete_retention="true",
            delete_retention_days=KEPT_DAYS,
        ),
    )
    yield Step(
        "its container",
        az(
            "storage container-rm create", name=CONTAINER, storage_account=place.account, resource_group=GROUP
        ),
        unless=az(
            "storage container-rm show", name=CONTAINER, storage_account=place.account, resource_group=GROUP
        ),
    )


def _vault(place: Place) -> Iterator[Step]:
    yield Step(
        "a vault for the key of Pulumi's secrets",
        az(
            "keyvault create",
            name=place.vault,
            resource_group=GROUP,
            location=place.location,
            enable_rbac_authorization="true",
            enable_purge_protection="true",
            retention_days=KEPT_DAYS,
        ),
        unless=az("keyvault show", name=place.vault, resource_group=GROUP),
    )


def _grants(place: Place, principal: str, grantee: Grantee) -> Iterator[Step]:
    for role, what in grantee.roles:
        yield Step(
            f"{role} on the {what} for {grantee.called}",
            az(
                "role assignment create",
                role=role,
                scope=place.scope(what),
                assignee_object_id=principal,
                assignee_principal_type=grantee.kind,
            ),
        )
