"""Feature flags from Azure App Configuration: what is known stays known where it fails, also for the next process."""

import asyncio

import msgspec
import structlog
from azure.appconfiguration import FeatureFlagConfigurationSetting
from azure.appconfiguration.aio import AzureAppConfigurationClient
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError

from kopitra.application.ports.blobs import BlobError, BlobNotFound, Blobs
from kopitra.application.ports.feature_flags import REFRESH_SECONDS, Flag
from kopitra.application.ports.timing import Sleeper

FLAG_KEYS = ".appconfig.featureflag/*"
"""Where the service keeps feature flags, by its own convention."""
NO_LABEL = "\0"
"""A store belongs to one environment: labels would only hide values."""
LAST_KNOWN = "features/last-known.json"
"""A store belongs to one environment, so its readers share this too."""
CONNECT_SECONDS = 5
READ_SECONDS = 10

log = structlog.get_logger("kopitra.features")


class AppConfigurationFlags:
    """A flag is on where it is on for everybody: one with conditions (a share of users, a window of time) counts as
    off, since nothing here is asked for a single user."""

    def __init__(
        self,
        client: AzureAppConfigurationClient,
        sleeper: Sleeper,
        *,
        refresh_seconds: float = REFRESH_SECONDS,
        credential: AsyncTokenCredential | None = None,
        memory: Blobs | None = None,
    ) -> None:
        """`credential`: closed with it. `memory`: keeps what was read for a process that cannot read."""
        self._client = client
        self._sleeper = sleeper
        self._seconds = refresh_seconds
        self._credential = credential
        self._memory = memory
        self._known: dict[str, bool] = {}
        self._kept: dict[str, bool] | None = None
        """What memory holds, as far as this process knows."""
        self._was_read = self._failing = False
        self._looked_at: float | None = None
        self._looking = asyncio.Lock()

    def enabled(self, flag: Flag) -> bool:
        return self._known.get(flag.name, flag.default)

    async def recall(self) -> None:
        if self._memory is None or self._was_read:
            return
        try:
            kept = msgspec.json.decode(await self._memory.get(LAST_KNOWN), type=dict[str, bool])
        except BlobNotFound:
            return
        except (BlobError, msgspec.MsgspecError) as error:
            log.warning("feature_flags_forgotten", error=str(error).partition("\n")[0])
            return
        self._known = self._kept = kept

    async def look(self) -> None:
        """Whoever comes while somebody reads waits for what is read."""
        async with self._looking:
            now = asyncio.get_running_loop().time()
            if self._looked_at is None or now - self._looked_at >= self._seconds:
                self._looked_at = now
                await self.refresh()

    async def run(self) -> None:
        while True:
            await self.refresh()
            await self._sleeper.sleep(self._seconds)

    async def refresh(self) -> None:
        """Read them once; a failure is told when it begins and when it ends."""
        try:
            read = await self._read()
        except AzureError as error:
            await self.recall()
            if not self._failing:
                log.warning(
                    "feature_flags_unread", error=str(error).partition("\n")[0], kept=len(self._known)
                )
            self._failing = True
            return
        self._was_read, self._failing = True, False
        if read != self._known:
            log.info("feature_flags", flags=read)
        self._known = read
        await self._keep(read)

    async def close(self) -> None:
        await self._client.close()
        if self._credential is not None:
            await self._credential.close()

    async def _keep(self, read: dict[str, bool]) -> None:
        if self._memory is None or read == self._kept:
            return
        try:
            await self._memory.put(LAST_KNOWN, msgspec.json.encode(read), content_type="application/json")
        except BlobError as error:
            log.warning("feature_flags_not_kept", error=str(error).partition("\n")[0])
            return
        self._kept = read

    async def _read(self) -> dict[str, bool]:
        """Raises AzureError."""
        found: dict[str, bool] = {}
        async for setting in self._client.list_configuration_settings(
            key_filter=FLAG_KEYS, label_filter=NO_LABEL
        ):
            if isinstance(setting, FeatureFlagConfigurationSetting):
                found[setting.feature_id] = bool(setting.enabled) and not setting.filters
        return found


def connect_flags(
    sleeper: Sleeper,
    *,
    endpoint: str | None = None,
    credential: AsyncTokenCredential | None = None,
    connection_string: str | None = None,
    refresh_seconds: float = REFRESH_SECONDS,
    memory: Blobs | None = None,
) -> AppConfigurationFlags:
    """Reaches nothing yet. Raises ValueError for what is no connection string."""
    options = {"connection_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS, "retry_total": 1}
    if connection_string is not None:
        client = AzureAppConfigurationClient.from_connection_string(connection_string, **options)
        return AppConfigurationFlags(client, sleeper, refresh_seconds=refresh_seconds, memory=memory)
    assert endpoint is not None
    assert credential is not None
    client = AzureAppConfigurationClient(endpoint, credential, **options)
    return AppConfigurationFlags(
        client, sleeper, refresh_seconds=refresh_seconds, credential=credential, memory=memory
    )
