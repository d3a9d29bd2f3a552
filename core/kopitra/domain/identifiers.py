"""Identifiers, each a type of its own, so that a ticket is never passed where a copy id is meant.

Ids of copies, commands and runs are pure functions of what they identify: replaying a decision mints the same id.
"""

from hashlib import blake2b
from typing import NewType

AccountId = NewType("AccountId", str)
"""A trading account as the operator names it; globally unique, belongs to one tenant."""
TenantId = NewType("TenantId", str)
GroupId = NewType("GroupId", str)
SubscriptionId = NewType("SubscriptionId", str)
DeviceId = NewType("DeviceId", str)
SessionId = NewType("SessionId", str)
SignalId = NewType("SignalId", str)
"""The leader agent's own id of one trade intent."""
PositionRef = NewType("PositionRef", str)
"""A leader's position or order, scoped by broker server and login; survives a ticket change."""
RunId = NewType("RunId", str)
"""One leader event and everything that followed from it."""
CopyId = NewType("CopyId", str)
"""One leader position as copied for one subscription."""
CommandId = NewType("CommandId", str)
"""One order to one follower's EA."""
ProposalId = NewType("ProposalId", str)
"""One correction that waits for an operator."""
EventId = NewType("EventId", str)
RequestId = NewType("RequestId", str)
JournalId = NewType("JournalId", str)

DIGEST_BYTES = 10
"""80 bits: among 10⁹ ids of one account the chance of any collision is below 10⁻⁶."""


_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = tuple(first + second for first in _BASE32 for second in _BASE32)
"""Ten bits at a time: ids are made for every follower of every trade, and base64 takes five times as long."""


def _base32(digest: bytes) -> str:
    """80 bits as 16 characters of RFC 4648's base32, in lower case."""
    bits = int.from_bytes(digest, "big")
    return "".join([_PAIRS[bits >> shift & 1023] for shift in (70, 60, 50, 40, 30, 20, 10, 0)])


def derived_id(prefix: str, *parts: str) -> str:
    """A short id that is a pure function of its parts (joined unambiguously): prefix + 16 base32 characters."""
    digest = blake2b("\x1f".join(parts).encode(), digest_size=DIGEST_BYTES).digest()
    return prefix + _base32(digest)


def copy_id(
    subscription: SubscriptionId, leader: AccountId, position: PositionRef, generation: int
) -> CopyId:
    return CopyId(derived_id("c-", subscription, leader, position, str(generation)))


def command_id(shard: str, run: RunId, subscription: SubscriptionId, step: int) -> CommandId:
    return CommandId(derived_id("o-", shard, run, subscription, str(step)))


def is_proposal_id(text: str) -> bool:
    """Whether it has the form of a proposal's id: `x-` and 16 characters of base32."""
    return text.startswith("x-") and len(text) == 18 and set(text[2:]) <= set(_BASE32)
