"""Where feature flags come from, from the settings. Azure's SDK is imported only where there is a store."""

from collections.abc import Mapping

from kopitra.adapters.embedded.feature_flags import FixedFlags
from kopitra.application.ports.blobs import Blobs
from kopitra.application.ports.feature_flags import FeatureFlags
from kopitra.application.ports.timing import Sleeper

ENDPOINT = "https://"
"""What begins so is the store's address; anything else is a connection string."""


class StoreUnusable(Exception):
    """The text is one sentence; never the connection string, which is a secret."""


def open_flags(
    given: Mapping[str, bool],
    store: str | None,
    sleeper: Sleeper,
    refresh_seconds: float,
    memory: Blobs | None = None,
) -> FeatureFlags:
    """`store`: a connection string or an https endpoint, for which the managed identity is used; without it the flags
    are fixed as `given`. `memory`: keeps what was read last, for a process that cannot read. Reaches nothing yet.
    Raises StoreUnusable."""
    if store is None:
        return FixedFlags(given)
    from kopitra.adapters.azure.credentials import own_identity_async  # noqa: PLC0415  # half a second of imports
    from kopitra.adapters.azure.feature_flags import connect_flags  # noqa: PLC0415

    if store.startswith(ENDPOINT):
        return connect_flags(
            sleeper,
            endpoint=store,
            credential=own_identity_async(),
            refresh_seconds=refresh_seconds,
            memory=memory,
        )
    try:
        return connect_flags(sleeper, connection_string=store, refresh_seconds=refresh_seconds, memory=memory)
    except ValueError:
        raise StoreUnusable("it is neither a connection string nor an https address") from None
