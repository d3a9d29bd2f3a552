"""Every setting of the counterparty, read once and frozen: from the environment (`KOPITRA_…`), then from `.env`."""

import re
from base64 import b64decode
from binascii import Error as NotBase64
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
from kopitra.application.tokens import KeyRing, ServiceKeyUnusable
from kopitra.domain.limits import LEASE_TTL_SECONDS

PREFIX = "KOPITRA_"
PRODUCTION = "production"


class SettingsInvalid(Exception):
    """The settings do not allow a start; the text is one sentence that names the first wrong one."""


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
    """Embedded: journal, blobs and queues."""
    azure_tables: SecretStr | None = None
    """Azure: a connection string, or the table service's https endpoint (then the managed identity is used)."""
    azure_blobs: SecretStr | None = None
    azure_service_bus: SecretStr | None = None
    """Azure: a connection string, or the namespace's host name (then the managed identity is used). Without it the
    queues are embedded."""
    journal_table: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]{2,62}$")] = "journal"
    """Azure's rule for names of tables; the next one is that for containers."""
    blob_container: Annotated[str, Field(pattern=r"^[a-z0-9](-?[a-z0-9]){2,62}$")] = "counterparty"
    segment_container: Annotated[str, Field(pattern=r"^[a-z0-9](-?[a-z0-9]){2,62}$")] | None = None
    """Azure: the journal's sealed segments, which are never changed or deleted, by default beside the other blobs."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """0 takes a free one; the log says which."""
    shard: Annotated[str, Field(pattern=r"^[a-z0-9]{1,32}$")] = "main"
    instance: Annotated[str, Field(min_length=1, max_length=128)] = "counterparty"
    """The fence's owner; different for every instance of a shard."""
    slot: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")] = PRODUCTION
    """Only the production slot ever becomes the shard's writer."""
    build: Annotated[str, Field(min_length=1, default_factory=packaged_build)]
    """The package says it (a setting is for tests only): on every line of the log, in the health report, and with all
    telemetry."""

    token_keys: dict[str, SecretStr]
    """Service keys by id, base64 of at least 32 bytes each: the current one, and those it replaced."""
    token_key_id: str
    """The key that makes new tokens."""

    operator_issuer: str | None = None
    operator_audience: str | None = None
    operator_jwks: str | None = None
    """Where the issuer's key set is: an https address or a file."""
    operator_tenant: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """Whose operators they are where their tokens have no claim `tenant`; `*` for all tenants."""

    applicationinsights_connection_string: Annotated[
        SecretStr | None, Field(validation_alias="APPLICATIONINSIGHTS_CONNECTION_STRING")
    ] = None
    """Where figures and spans go; under the name by which App Service knows it too, without our prefix."""
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

    quarantined: tuple[int, ...] = ()
    """First sequences of events that an operator has put aside."""
    lease_ttl_seconds: Annotated[int, Field(ge=2, le=3600)] = LEASE_TTL_SECONDS
    rate_limit_per_second: Annotated[float, Field(gt=0)] = 50.0
    rate_limit_burst: Annotated[int, Field(ge=1)] = 200
    log_level: Annotated[str, AfterValidator(_known_level)] = "info"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.storage == "azure" and (self.azure_tables is None or self.azure_blobs is None):
            raise ValueError("KOPITRA_AZURE_TABLES and KOPITRA_AZURE_BLOBS are needed where storage is azure")
        if self.storage != "azure" and self.azure_service_bus is not None:
            raise ValueError("KOPITRA_AZURE_SERVICE_BUS is for a storage that is azure, not embedded")
        if self.azure_app_configuration is not None and self.feature_flags:
            raise ValueError("KOPITRA_FEATURE_FLAGS is for where there is no KOPITRA_AZURE_APP_CONFIGURATION")
        if unknown := unknown_flags(set(self.feature_flags), Service.COUNTERPARTY):
            raise ValueError(f"KOPITRA_FEATURE_FLAGS: there is no flag {unknown[0]} that this service reads")
        operators = (self.operator_issuer, self.operator_audience, self.operator_jwks)
        if any(operators) and not all(operators):
            raise ValueError("KOPITRA_OPERATOR_ISSUER, _AUDIENCE and _JWKS belong together")
        try:
            self.key_ring()
        except (ServiceKeyUnusable, NotBase64) as error:
            raise ValueError(f"KOPITRA_TOKEN_KEYS: {error}") from None
        return self

    @property
    def may_hold_the_fence(self) -> bool:
        return self.slot == PRODUCTION

    @property
    def about(self) -> About:
        return About(service=Service.COUNTERPARTY, build=self.build, shard=self.shard, instance=self.instance)

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

    def key_ring(self) -> KeyRing:
        keys = {
            name: b64decode(key.get_secret_value(), validate=True) for name, key in self.token_keys.items()
        }
        return KeyRing(self.token_key_id, keys)


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
        sentence = f"{PREFIX}{name.upper()}: {message}" if name else message
        raise SettingsInvalid(sentence) from None
