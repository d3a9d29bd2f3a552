"""Every setting of the management side, read once and frozen: from KOPITRA_FUNCTIONS_… in the environment or `.env`."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from kopitra.adapters.logs import LEVELS
from kopitra.adapters.packaged import packaged_build
from kopitra.adapters.telemetry import EXPORT_SECONDS, About, Destination
from kopitra.application.features import unknown_flags
from kopitra.application.ports.feature_flags import REFRESH_SECONDS
from kopitra.application.ports.telemetry import Service

PREFIX = "KOPITRA_FUNCTIONS_"
DRAIN_MESSAGES = 5000
"""Twice what a quiet day tells: only a busy day wakes SQL for this, once for thousands of events (decision 0171)."""
DRAIN_AGE_SECONDS = 24 * 3600.0
"""What nobody looks at reaches SQL once a day, so that a serverless database can pause in between; while an operator
looks, it is written within a minute (decision 0171)."""
SQL_AWAKE_SECONDS = 300.0
"""An operator who used SQL this recently keeps it awake anyway: writing costs nothing then. Below the shortest delay
after which a serverless database pauses, which is 15 minutes."""


class SettingsInvalid(Exception):
    """The settings do not allow a start; the text is one sentence that names the first wrong one."""


class StartRefused(Exception):
    """What the settings name cannot be used as it is; the text is one sentence that names the setting."""


def _known_level(level: str) -> str:
    if level not in LEVELS:
        raise ValueError(f"must be one of {', '.join(LEVELS)}")
    return level


class Settings(BaseSettings):
    """Seconds for durations; secrets are never shown."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", frozen=True, extra="ignore", populate_by_name=True
    )

    storage: Literal["embedded", "azure"] = "embedded"
    data_folder: Path = Path("data")
    """Embedded: the counterparty's own data folder, whose queues, blobs and journal are read here too; also where the
    files below are kept if they are given no place of their own."""
    azure_tables: SecretStr | None = None
    """Azure: a connection string, or the table service's https endpoint (then the managed identity is used). Only a
    rebuild of the read models reads the journal."""
    azure_blobs: SecretStr | None = None
    azure_service_bus: SecretStr | None = None
    """Azure: a connection string, or the namespace's host name (then the managed identity is used)."""
    journal_table: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]{2,62}$")] = "journal"
    blob_container: Annotated[str, Field(pattern=r"^[a-z0-9](-?[a-z0-9]){2,62}$")] = "counterparty"
    segment_container: Annotated[str, Field(pattern=r"^[a-z0-9](-?[a-z0-9]){2,62}$")] | None = None
    """Azure: the journal's sealed segments, which are never changed or deleted, by default beside the other blobs.
    This and the two before: the same as the counterparty's."""
    shard: Annotated[str, Field(pattern=r"^[a-z0-9]{1,32}$")] = "main"

    database_file: Path | None = None
    """SQLite; by default management.sqlite in the data folder."""
    sql_server: str | None = None
    """Azure SQL: the server's host name; the managed identity signs in."""
    sql_database: str | None = None

    operator_issuer: str | None = None
    operator_audience: str | None = None
    operator_jwks: str | None = None
    """Where the issuer's key set is: an https address or a file."""
    operator_tenant: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """Whose operators they are where their tokens have no claim `tenant`; `*` for all tenants."""

    counterparty_url: Annotated[str, Field(pattern=r"^https?://[^/?#\s]+$")] = "http://127.0.0.1:8080"
    """Without a path."""
    service_scope: str | None = None
    """Azure: the scope whose token the counterparty's management plane takes from this service's managed identity."""
    service_key_file: Path | None = None
    """Without a scope: the local issuer's private key, made where it is missing; issuer.key in the data folder by
    default."""

    vault_key: Annotated[str, Field(pattern=r"^https://[^/\s]+/keys/[^\s]+$")] | None = None
    """Key Vault's identifier of the key that wraps brokers' credentials (https://…/keys/name)."""
    credentials_key_file: Path | None = None
    """Without a vault: by default credentials.key in the data folder."""

    drain_messages: Annotated[int, Field(ge=1, le=100_000)] = DRAIN_MESSAGES
    drain_age_seconds: Annotated[float, Field(ge=1)] = DRAIN_AGE_SECONDS
    sql_awake_seconds: Annotated[float, Field(ge=0)] = SQL_AWAKE_SECONDS

    applicationinsights_connection_string: Annotated[
        SecretStr | None, Field(validation_alias="APPLICATIONINSIGHTS_CONNECTION_STRING")
    ] = None
    """Where figures and spans go; under the name by which Azure's host knows it too, without our prefix."""
    applicationinsights_authentication_string: Annotated[
        str | None, Field(validation_alias="APPLICATIONINSIGHTS_AUTHENTICATION_STRING")
    ] = None
    """`Authorization=AAD`: by the managed identity; `;ClientId=…` names one of several."""
    telemetry_file: Path | None = None
    """The same as JSON lines, for tests and the demonstration."""
    telemetry_seconds: Annotated[float, Field(ge=1, le=3600)] = EXPORT_SECONDS
    trace_ratio: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The share of traces that is told; figures are told in any case."""

    azure_app_configuration: SecretStr | None = None
    """Feature flags: a connection string, or the store's https endpoint (then the managed identity is used)."""
    feature_flags_seconds: Annotated[float, Field(ge=10, le=3600)] = REFRESH_SECONDS
    feature_flags: dict[str, bool] = {}
    """Without a store: those that are not at their default, by name."""

    build: Annotated[str, Field(min_length=1, default_factory=packaged_build)]
    """The package says it; a setting for tests only."""
    log_level: Annotated[str, AfterValidator(_known_level)] = "info"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        azure = (self.azure_blobs, self.azure_service_bus)
        if self.storage == "azure" and not all(azure):
            raise ValueError(
                f"{PREFIX}AZURE_BLOBS and {PREFIX}AZURE_SERVICE_BUS are needed where storage is azure"
            )
        if self.storage != "azure" and any((*azure, self.azure_tables)):
            raise ValueError(f"{PREFIX}AZURE_… settings are for a storage that is azure, not embedded")
        operators = (self.operator_issuer, self.operator_audience, self.operator_jwks)
        if any(operators) and not all(operators):
            raise ValueError(f"{PREFIX}OPERATOR_ISSUER, _AUDIENCE and _JWKS belong together")
        if bool(self.sql_server) is not bool(self.sql_database):
            raise ValueError(f"{PREFIX}SQL_SERVER and _SQL_DATABASE belong together")
        if self.azure_app_configuration is not None and self.feature_flags:
            raise ValueError(
                f"{PREFIX}FEATURE_FLAGS is for where there is no {PREFIX}AZURE_APP_CONFIGURATION"
            )
        if unknown := unknown_flags(set(self.feature_flags), Service.FUNCTIONS):
            raise ValueError(f"{PREFIX}FEATURE_FLAGS: there is no flag {unknown[0]} that this service reads")
        if self.sql_server and self.database_file:
            raise ValueError(f"{PREFIX}DATABASE_FILE is for SQLite, not for a SQL server")
        return self

    def about(self, instance: str) -> About:
        return About(service=Service.FUNCTIONS, build=self.build, shard=self.shard, instance=instance)

    @property
    def telemetry(self) -> Destination:
        given = self.applicationinsights_connection_string
        return Destination(
            connection_string=given.get_secret_value() if given is not None else None,
            authentication=self.applicationinsights_authentication_string,
            file=self.telemetry_file,
            trace_ratio=self.trace_ratio,
            every_seconds=self.telemetry_seconds,
        )

    @property
    def sqlite_file(self) -> Path:
        return self.database_file or self.data_folder / "management.sqlite"

    @property
    def issuer_key(self) -> Path:
        return self.service_key_file or self.data_folder / "issuer.key"

    @property
    def credentials_key(self) -> Path:
        return self.credentials_key_file or self.data_folder / "credentials.key"


def load_settings(**given: object) -> Settings:
    """From the environment; `given` overrides it. Raises SettingsInvalid."""
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except SettingsError as error:
        found = re.search(r'field "(\w+)"', str(error))
        raise SettingsInvalid(f"{PREFIX}{found[1].upper()}: is not JSON" if found else str(error)) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise SettingsInvalid(f"{PREFIX}{name.upper()}: {message}" if name else message) from None
