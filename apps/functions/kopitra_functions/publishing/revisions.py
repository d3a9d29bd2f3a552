"""Revisions of what is published: they only grow, also past what a configuration file has published meanwhile."""

from datetime import datetime, timedelta

MILLISECOND = timedelta(milliseconds=1)
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def next_revision(previous: int, now: datetime) -> int:
    """Above `previous`, and at least the time in milliseconds: what `kopitra apply` takes too, so that of two ways to
    publish the later one counts."""
    return max(previous + 1, (now - EPOCH) // MILLISECOND)
