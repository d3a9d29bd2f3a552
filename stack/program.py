"""One environment: its settings, its parts, its outputs."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import Output
from pulumi.runtime.config import CONFIG, get_config_env

from stack.app_settings import Backends, Builds, counterparty_settings, functions_settings
from stack.components.access import Access
from stack.components.alerts import Alerts
from stack.components.auditing import Auditing
from stack.components.bus import Bus
from stack.components.configuration import Configuration
from stack.components.console import Console
from stack.components.counterparty import HEALTH_PATH, CounterpartyApp
from stack.components.dashboard import Dashboard
from stack.components.database import Database
from stack.components.foundation import Foundation
from stack.components.functions import FunctionsApp
from stack.components.safekeeping import Safekeeping
from stack.components.spending import Spending
from stack.components.storage import Storage
from stack.components.telemetry import Telemetry
from stack.components.vault import Vault
from stack.deployment.resources import Delivery
from stack.frame import Frame
from stack.grants import grants_of
from stack.naming import APPLICATION, Names
from stack.packages.building import package_of
from stack.packages.recipes import RECIPES
from stack.release import described
from stack.settings import Settings, SettingsInvalid, settings_from
from stack.tags import tags_of

TOKEN_KEYS = "tokenKeys"
"""A secret of Pulumi's: JSON, key id → base64 of at least 32 bytes; the last id in alphabetical order signs."""
PAGER_WEBHOOK = "pagerWebhook"
"""A secret of Pulumi's, where somebody is paged: an address that takes alerts. Whoever knows it can page."""
SECRETS = frozenset({TOKEN_KEYS, PAGER_WEBHOOK})


def main() -> None:
    """What `pulumi up` runs: the packages as they are in this checkout, and the environment around them."""
    packages = {app: package_of(recipe) for app, recipe in RECIPES.items()}
    builds = Builds(counterparty=packages["counterparty"].build, functions=packages["functions"].build)
    deploy(builds, release=described())


def deploy(builds: Builds, *, release: str) -> "Stack":
    """Raises SettingsInvalid before anything is made."""
    given = configured()
    if TOKEN_KEYS not in given:
        raise SettingsInvalid(f"{APPLICATION}:{TOKEN_KEYS}: is missing; set it with `make token-keys ENV=…`")
    plain = {name: value for name, value in given.items() if name not in SECRETS}
    settings = settings_from(plain, environment=pulumi.get_stack())
    provided = pulumi.Config("azure-native").get("subscriptionId")
    if provided is not None and provided != settings.subscription_id:
        raise SettingsInvalid(
            f"{APPLICATION}:subscriptionId: must be the azure-native:subscriptionId, which is {provided}"
        )
    secrets = pulumi.Config(APPLICATION)
    stack = Stack(
        settings,
        token_keys=secrets.require_secret(TOKEN_KEYS),
        pager=secrets.get_secret(PAGER_WEBHOOK),
        builds=builds,
        release=release,
    )
    for name, value in stack.outputs().items():
        pulumi.export(name, value)
    return stack


def configured() -> Mapping[str, Any]:
    """What this stack's configuration says of Kopitra, misspelt names included."""
    everything = {**get_config_env(), **CONFIG.get()}
    prefix = f"{APPLICATION}:"
    return {name.removeprefix(prefix): value for name, value in everything.items() if name.startswith(prefix)}


def signing_key_id(token_keys: str) -> str:
    """Raises SettingsInvalid."""
    try:
        return max(json.loads(token_keys))
    except (ValueError, TypeError):
        raise SettingsInvalid(
            f"{APPLICATION}:{TOKEN_KEYS}: must be JSON with at least one key by its id"
        ) from None


class Stack:
    """Everything of one environment, in order of dependency."""

    def __init__(
        self,
        settings: Settings,
        *,
        token_keys: Output[str],
        builds: Builds,
        release: str,
        pager: Output[str] | None = None,
    ) -> None:
        self.settings = settings
        self.builds = builds
        self.release = release
        names = Names(settings.environment, settings.subscription_id)
        tags = dict(tags_of(settings))
        self.foundation = Foundation(settings, names, tags, release=release)
        self.frame = Frame(
            settings=settings,
            names=names,
            tags=tags,
            group=self.foundation.group.name,
            directory_id=settings.directory,
        )
        self.telemetry = Telemetry(self.frame)
        self.storage = Storage(self.frame)
        self.bus = Bus(self.frame)
        self.vault = Vault(self.frame, token_keys=token_keys)
        self.configuration = Configuration(self.frame)
        self.database = Database(self.frame)
        backends = self._backends(token_keys)
        self.counterparty = CounterpartyApp(
            self.frame, app_settings=counterparty_settings(settings, backends)
        )
        self.functions = FunctionsApp(
            self.frame,
            storage=self.storage,
            app_settings=functions_settings(
                settings,
                backends,
                storage=self.storage.account.name,
                counterparty=self.counterparty.host,
            ),
        )
        self.console = Console(self.frame) if settings.console.enabled else None
        principals = {**self.counterparty.principals, **self.functions.principals}
        self.access = Access(self.frame, principals=principals, grants=tuple(grants_of(self, principals)))
        self.delivery = Delivery(
            self.frame,
            counterparty=self.counterparty,
            functions=self.functions,
            database=self.database,
            console=self.console,
            builds=builds,
            vault=self.vault,
            after=[self.access, self.storage, self.bus, self.vault, self.configuration, self.telemetry],
        )
        self._watch(pager)
        if settings.is_protected:
            self.safekeeping = Safekeeping(
                {
                    "storage": self.storage.account.id,
                    "vault": self.vault.vault.id,
                    "bus": self.bus.namespace.id,
                    "database": self.database.database.id,
                },
                within=[self.storage, self.vault, self.bus, self.database, self.access, self.auditing],
            )

    def _watch(self, pager: Output[str] | None) -> None:
        workspace = self.telemetry.workspace.id
        self.alerts = Alerts(
            self.frame,
            targets={
                "insights": self.telemetry.insights.id,
                "bus": self.bus.namespace.id,
                "counterparty": self.counterparty.app.id,
            },
            workspace=workspace,
            pager=pager,
        )
        self.dashboard = Dashboard(self.frame, workspace=workspace)
        self.auditing = Auditing(
            self.frame,
            vault=self.vault.vault.id,
            counterparty=self.counterparty.app.id,
            workspace=workspace,
        )
        self.spending = Spending(self.frame, scope=self.foundation.group.id, told=self.alerts.group.id)

    def outputs(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "environment": self.settings.environment.value,
            "release": self.release,
            "counterpartyUrl": self.counterparty.host.apply(lambda host: f"https://{host}"),
            "counterpartyHealth": self.counterparty.host.apply(lambda host: f"https://{host}{HEALTH_PATH}"),
            "managementUrl": self.functions.host.apply(lambda host: f"https://{host}/api/admin"),
            "counterpartyBuild": self.builds.counterparty,
            "functionsBuild": self.builds.functions,
            "resourceGroup": self.foundation.group.name,
        }
        if self.console is not None:
            told["consoleUrl"] = self.console.host.apply(lambda host: f"https://{host}")
        return told

    def _backends(self, token_keys: Output[str]) -> Backends:
        return Backends(
            tables=self.storage.tables,
            blobs=self.storage.blobs,
            bus=self.bus.host,
            configuration=self.configuration.endpoint,
            sql_server=self.database.host,
            sql_database=self.database.database.name,
            token_keys=self.vault.token_keys,
            token_key_id=Output.unsecret(token_keys.apply(signing_key_id)),
            vault_key=self.vault.key.key_uri,
            insights=self.telemetry.insights.connection_string,
        )
