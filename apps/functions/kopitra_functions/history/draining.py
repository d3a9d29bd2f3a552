"""Whether what waits for SQL is to be written now: a pure decision, taken every minute from what costs nothing to know.

A serverless database pauses after an hour without use, and is billed from the first call that wakes it until then. So
history is written when much waits, when something has waited for long, or while somebody uses SQL anyway.
"""

from datetime import datetime, timedelta

import msgspec


class DrainRules(msgspec.Struct, frozen=True, kw_only=True):
    """`messages`: N, `age`: M; `awake`: how fresh an operator's use of SQL must be to count."""

    messages: int
    age: timedelta
    awake: timedelta


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """What the queue shows without locking anything: about how many, and when the first was enqueued."""

    messages: int
    oldest: datetime | None = None


def should_drain(now: datetime, waiting: Waiting, rules: DrainRules, *, sql_in_use: bool) -> str | None:
    """Why to drain now, or None."""
    if not waiting.messages:
        return None
    if sql_in_use:
        return "sql_in_use"
    if waiting.messages >= rules.messages:
        return "many"
    if waiting.oldest is not None and now - waiting.oldest >= rules.age:
        return "old"
    return None
