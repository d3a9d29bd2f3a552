"""When absence means something: two valid snapshots, far enough apart, that say the same."""

from datetime import datetime, timedelta

from kopitra.domain.telemetry import PositionSnapshot
from kopitra.machine.outcome import Context
from kopitra.machine.state import Copy

AGREEMENT = timedelta(seconds=5)


def agreed(since: datetime | None, context: Context) -> bool:
    """`since`: when the first valid snapshot said so, and none has contradicted it."""
    return since is not None and context.now - since >= AGREEMENT


def speaks_of(copy: Copy, snapshot: PositionSnapshot) -> bool:
    """An older snapshot than a copy's last command, or one taken while a command of it was executing, says nothing."""
    if copy.outstanding or snapshot.applied_through < copy.command_sequence:
        return False
    return not any(command in snapshot.executing for command in copy.commands)
