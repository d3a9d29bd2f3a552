"""The settings that the stack gives each app. A contract test compares their names with those the apps know."""

from collections.abc import Mapping
from dataclasses import dataclass

from pulumi import Input, Output

from stack.components.counterparty import PORT, STOP_SECONDS
from stack.components.storage import AUDIT_CONTAINER, COUNTERPARTY_CONTAINER, JOURNAL_TABLE
from stack.settings import Settings

Values = Mapping[str, Input[str]]


@dataclass(frozen=True)
class Backends:
    """Where the apps find what they stand on. `token_keys` and `vault_key` are references, not secrets."""

    tables: Output[str]
    blobs: Output[str]
    bus: Output[str]
    configuration: Output[str]
    sql_server: Output[str]
    sql_database: Output[str]
    token_keys: Output[str]
    token_key_id: Output[str]
    vault_key: Output[str]
    insights: Output[str]


@dataclass(frozen=True)
class Builds:
    """An app's build is the hash of its package: health, logs and telemetry report it."""

    counterparty: str
    functions: str


def counterparty_settings(settings: Settings, backends: Backends) -> Values:
    """Without `KOPITRA_SLOT`, which is each slot's own. No setting says the build (docs/decisions/0195)."""
    return {
        "KOPITRA_STORAGE": "azure",
        "KOPITRA_AZURE_TABLES": backends.tables,
        "KOPITRA_AZURE_BLOBS": backends.blobs,
        "KOPITRA_AZURE_SERVICE_BUS": backends.bus,
        "KOPITRA_JOURNAL_TABLE": JOURNAL_TABLE,
        "KOPITRA_BLOB_CONTAINER": COUNTERPARTY_CONTAINER,
        "KOPITRA_SEGMENT_CONTAINER": AUDIT_CONTAINER,
        "KOPITRA_HOST": "0.0.0.0",
        "KOPITRA_PORT": str(PORT),
        "KOPITRA_SHARD": settings.shard,
        "KOPITRA_TOKEN_KEYS": backends.token_keys,
        "KOPITRA_TOKEN_KEY_ID": backends.token_key_id,
        "KOPITRA_OPERATOR_ISSUER": settings.operators.issuer,
        "KOPITRA_OPERATOR_AUDIENCE": settings.operators.audience,
        "KOPITRA_OPERATOR_JWKS": settings.operators.key_set,
        "KOPITRA_OPERATOR_TENANT": settings.operators.tenant,
        "KOPITRA_AZURE_APP_CONFIGURATION": backends.configuration,
        "KOPITRA_FEATURE_FLAGS_SECONDS": str(settings.configuration.refresh_seconds),
        "APPLICATIONINSIGHTS_CONNECTION_STRING": backends.insights,
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "Authorization=AAD",
        # What the package holds is complete: nothing is built or fetched on the server.
        "SCM_DO_BUILD_DURING_DEPLOYMENT": "false",
        "ENABLE_ORYX_BUILD": "false",
        "PYTHONPATH": "/home/site/wwwroot/.python_packages/lib/site-packages",
        "WEBSITES_PORT": str(PORT),
        "WEBSITES_CONTAINER_STOP_TIME_LIMIT": str(STOP_SECONDS),
    }


def functions_settings(
    settings: Settings, backends: Backends, *, storage: Output[str], counterparty: Output[str]
) -> Values:
    """`storage`: the account's name, for the host's own state; `counterparty`: its host name."""
    return {
        "KOPITRA_FUNCTIONS_STORAGE": "azure",
        "KOPITRA_FUNCTIONS_AZURE_TABLES": backends.tables,
        "KOPITRA_FUNCTIONS_AZURE_BLOBS": backends.blobs,
        "KOPITRA_FUNCTIONS_AZURE_SERVICE_BUS": backends.bus,
        "KOPITRA_FUNCTIONS_JOURNAL_TABLE": JOURNAL_TABLE,
        "KOPITRA_FUNCTIONS_BLOB_CONTAINER": COUNTERPARTY_CONTAINER,
        "KOPITRA_FUNCTIONS_SEGMENT_CONTAINER": AUDIT_CONTAINER,
        "KOPITRA_FUNCTIONS_SHARD": settings.shard,
        "KOPITRA_FUNCTIONS_SQL_SERVER": backends.sql_server,
        "KOPITRA_FUNCTIONS_SQL_DATABASE": backends.sql_database,
        "KOPITRA_FUNCTIONS_OPERATOR_ISSUER": settings.operators.issuer,
        "KOPITRA_FUNCTIONS_OPERATOR_AUDIENCE": settings.operators.audience,
        "KOPITRA_FUNCTIONS_OPERATOR_JWKS": settings.operators.key_set,
        "KOPITRA_FUNCTIONS_OPERATOR_TENANT": settings.operators.tenant,
        "KOPITRA_FUNCTIONS_COUNTERPARTY_URL": counterparty.apply(lambda host: f"https://{host}"),
        "KOPITRA_FUNCTIONS_SERVICE_SCOPE": f"{settings.operators.audience}/.default",
        "KOPITRA_FUNCTIONS_VAULT_KEY": backends.vault_key,
        "KOPITRA_FUNCTIONS_DRAIN_MESSAGES": str(settings.sql.drain_messages),
        "KOPITRA_FUNCTIONS_DRAIN_AGE_SECONDS": str(settings.sql.drain_minutes * 60),
        "KOPITRA_FUNCTIONS_AZURE_APP_CONFIGURATION": backends.configuration,
        "KOPITRA_FUNCTIONS_FEATURE_FLAGS_SECONDS": str(settings.configuration.refresh_seconds),
        "APPLICATIONINSIGHTS_CONNECTION_STRING": backends.insights,
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "Authorization=AAD",
        # The Functions host's own: state and triggers by the app's identity, no connection string.
        "AzureWebJobsStorage__accountName": storage,
        "AzureWebJobsStorage__credential": "managedidentity",
        "KOPITRA_SERVICE_BUS__fullyQualifiedNamespace": backends.bus,
        "KOPITRA_SERVICE_BUS__credential": "managedidentity",
    }
