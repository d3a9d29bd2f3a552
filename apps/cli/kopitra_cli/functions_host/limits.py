"""How much the local host does at a time; what Azure's host reads in apps/functions/host.json is the same."""

import msgspec


class HostLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds for durations."""

    concurrent_calls: int = 4
    """Of one queue's function that takes single messages. Tasks wait for SQL and the counterparty, not for a core."""
    batch_messages: int = 200
    """Given to one call of a function that takes many: settled well within their lock."""
    lock_renewal: float = 300.0
    """A function that holds a message for longer is thought to hang, and another may have the message. As long as
    a function may run at all."""
    grace: float = 8.0
    """For functions to end after they were asked to; a process that is told to stop is killed soon after."""
