"""When absence means something: two valid snapshots, far enough apart, that say the same."""

from datetime import datetime, timedelta

from kopitra.machine.outcome import Context

AGREEMENT = timedelta(seconds=5)


def agreed(since: datetime | None, context: Context) -> bool:
    """`since`: when the first valid snapshot said so, and none has contradicted it."""
    return since is not None and context.now - since >= AGREEMENT
