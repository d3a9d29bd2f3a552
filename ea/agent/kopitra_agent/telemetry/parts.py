"""Cutting a long list so that every part stays below the wire's limit."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from kopitra.protocol.limits import MAX_BODY_BYTES

PART_BYTES = MAX_BODY_BYTES * 3 // 4
"""The rest is for what surrounds the list."""

T = TypeVar("T")


def in_parts(items: Sequence[T], limit: int = PART_BYTES) -> list[list[T]]:
    """The items in order, in as many lists as their encoded size needs; always at least one list."""
    parts: list[list[T]] = [[]]
    size = 0
    for item in items:
        length = len(msgspec.json.encode(item)) + 1
        if parts[-1] and size + length > limit:
            parts.append([])
            size = 0
        parts[-1].append(item)
        size += length
    return parts
