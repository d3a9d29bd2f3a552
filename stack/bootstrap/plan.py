"""The commands of `make bootstrap`, as data. Each may run again: what exists is left as it is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import yaml

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
STATE_ROLE = "Storage Blob Data Contributor"
PERSON, WORKFLOW = "User", "ServicePrincipal"
DATA_ROLES = {
    PERSON: {"account": STATE_ROLE, "vault": "Key Vault Crypto Officer"},
    WORKFLOW: {"account": STATE_ROLE, "vault": "Key Vault Crypto User"},
}
"""By Azure's kind of principal: a person makes the key, a workflow only uses it."""


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
        return f"azurekeyvault://{self.vault}.vault.azure.net/keys/{KEY}"

    def scope(self, what: str) -> str:
        kinds = {
            "account": f"Microsoft.Storage/storageAccounts/{self.account}",
            "vault": f"Microsoft.KeyVault/vaults/{self.vault}",
        }
        return f"/subscriptions/{self.subscription}/resourceGroups/{GROUP}/providers/{kinds[what]}"

    @property
    def _digest(self) -> str:
        return sha256(self.subscription.encode()).hexdigest()[:DIGEST_CHARACTERS]


@dataclass(frozen=True)
class Step:
    """`unless`: a command whose success says that there is nothing to do. `patient`: tried again for some minutes, as
    a grant takes a while to hold. `ME` in a command is the object id of whoever is signed in."""

    says: str
    command: tuple[str, ...]
    unless: tuple[str, ...] | None = None
    patient: bool = False


ME = "<your object id>"


def place_of(environment: str, root: Path) -> Place:
    """By `Pulumi.<environment>.yaml`. Raises BootstrapRefused."""
    if environment not in ENVIRONMENTS:
        raise BootstrapRefused(f"ENV must be one of {', '.join(ENVIRONMENTS)}, not {environment!r}")
    file = root / f"Pulumi.{environment}.yaml"
    document: Any = yaml.safe_load(file.read_text())
    config = cast("Mapping[str, str]", document["config"])
    subscription = config[f"{NAMESPACE}:subscriptionId"]
    if subscription == PLACEHOLDER:
        raise BootstrapRefused(
            f"{file.name}: {NAMESPACE}:subscriptionId is still the placeholder; fill in yours"
        )
    return Place(environment, subscription, config[f"{NAMESPACE}:location"])


def steps(place: Place, deployer: str | None = None) -> Iterator[Step]:
    """`deployer`: object id of the identity that workflows deploy as, where there is one."""
    yield from _group_and_account(place)
    yield from _vault(place)
    for principal, kind in [(ME, PERSON), *([(deployer, WORKFLOW)] if deployer else [])]:
        for what, role in DATA_ROLES[kind].items():
            yield _grant(place, what, role, principal, kind)
    yield Step(
        "the key that Pulumi's secrets are under",
        _az("keyvault key create", vault_name=place.vault, name=KEY, kty="RSA", size="3072"),
        unless=_az("keyvault key show", vault_name=place.vault, name=KEY),
        patient=True,
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
        (*_az("group create", name=GROUP, location=place.location), *tags),
        unless=_az("group show", name=GROUP),
    )
    account = _az("storage account create", name=place.account, resource_group=GROUP, location=place.location)
    careful = _options(
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
        unless=_az("storage account show", name=place.account, resource_group=GROUP),
    )
    yield Step(
        "its history, so that a state that was overwritten can be had back",
        _az(
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
        _az(
            "storage container-rm create", name=CONTAINER, storage_account=place.account, resource_group=GROUP
        ),
        unless=_az(
            "storage container-rm show", name=CONTAINER, storage_account=place.account, resource_group=GROUP
        ),
    )


def _vault(place: Place) -> Iterator[Step]:
    yield Step(
        "a vault for the key of Pulumi's secrets",
        _az(
            "keyvault create",
            name=place.vault,
            resource_group=GROUP,
            location=place.location,
            enable_rbac_authorization="true",
            enable_purge_protection="true",
            retention_days=KEPT_DAYS,
        ),
        unless=_az("keyvault show", name=place.vault, resource_group=GROUP),
    )


def _grant(place: Place, what: str, role: str, principal: str, kind: str) -> Step:
    return Step(
        f"{role} on the {what} for {'the workflows' if kind == WORKFLOW else 'you'}",
        _az(
            "role assignment create",
            role=role,
            scope=place.scope(what),
            assignee_object_id=principal,
            assignee_principal_type=kind,
        ),
    )


def _az(command: str, **options: str) -> tuple[str, ...]:
    return ("az", *command.split(), *_options(**options))


def _options(**options: str) -> tuple[str, ...]:
    return tuple(part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value))
