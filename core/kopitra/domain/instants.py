"""Times as the wire writes them."""

from datetime import UTC, datetime


def rfc3339(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds ("2026-01-05T00:00:00.000Z"). Raises ValueError for a naive time."""
    if at.tzinfo is None:
        raise ValueError("a time on the wire must be aware")
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
