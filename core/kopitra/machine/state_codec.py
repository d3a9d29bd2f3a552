"""The state as bytes: snapshots account by account, and one hash that says whether two states are the same.

Snapshots keep the order of dicts, because some of it means something (the oldest key is forgotten first). The hash
sorts them, so that it depends on what the state says and on nothing else.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from hashlib import blake2b
from typing import Any, TypeVar

import msgspec

from kopitra.machine.indexes import rebuild
from kopitra.machine.state import SKIPPED_IN_SNAPSHOTS, Account, Mutable, State, Subscription

LENGTH_BYTES = 4
"""Of each part's length, big-endian: an account of 4 GiB is a defect, not an account."""
HASH_BYTES = 16
"""128 bits: no two states of one journal's life share a hash by chance."""

Part = TypeVar("Part", State, Account, Subscription)


class SnapshotUnreadable(Exception):
    """The bytes are no snapshot, are cut short, or hold a state of another shape than this release's. Nothing is lost:
    an older snapshot or the whole journal gives the same state."""


class _Head(msgspec.Struct, frozen=True, array_like=True):
    format: str
    accounts: int


def _shape() -> str:
    """A digest of every field of every part of the state, in order: records without names break when it changes."""
    parts = sorted(Mutable.__subclasses__(), key=lambda part: part.__name__)
    lines = [
        f"{part.__name__}.{field.encode_name}: {field.type!r}"
        for part in parts
        for field in msgspec.structs.fields(part)
    ]
    return blake2b("\n".join(lines).encode(), digest_size=HASH_BYTES).hexdigest()


STATE_FORMAT = _shape()
_encoder = msgspec.msgpack.Encoder()
_head_decoder = msgspec.msgpack.Decoder(_Head)
_state_decoder = msgspec.msgpack.Decoder(State)
_account_decoder = msgspec.msgpack.Decoder(Account)


def encode_parts(state: State) -> Iterator[bytes]:
    """The snapshot in pieces: the head, what no account owns, then each account by itself."""
    yield _framed(_encoder.encode(_Head(STATE_FORMAT, len(state.accounts))))
    yield _framed(_encoder.encode(_shared(state)))
    for account in state.accounts.values():
        yield encode_account(account)


def encode_account(account: Account) -> bytes:
    """One account's piece of a snapshot."""
    return _framed(_encoder.encode(_without_indexes(account)))


def encode_state(state: State) -> bytes:
    return b"".join(encode_parts(state))


def decode_state(content: bytes) -> State:
    """The state of a snapshot, its indexes made anew. Raises SnapshotUnreadable."""
    pieces = _pieces(content)
    try:
        head = _head_decoder.decode(next(pieces))
        if head.format != STATE_FORMAT:
            raise SnapshotUnreadable("the snapshot holds a state of another shape than this release's")
        state = _state_decoder.decode(next(pieces))
        for piece in pieces:
            account = _account_decoder.decode(piece)
            state.accounts[account.account] = account
    except StopIteration:
        raise SnapshotUnreadable("the snapshot is cut short") from None
    except msgspec.DecodeError as error:
        raise SnapshotUnreadable(f"no snapshot: {error}") from error
    if len(state.accounts) != head.accounts:
        raise SnapshotUnreadable(f"the snapshot has {len(state.accounts)} of {head.accounts} accounts")
    rebuild(state)
    return state


def state_hash(state: State) -> str:
    """32 hexadecimal digits; equal for states that say the same, in every process."""
    digest = blake2b(digest_size=HASH_BYTES)
    digest.update(_canonical(_shared(state)))
    for account in sorted(state.accounts):
        digest.update(_canonical(_without_indexes(state.accounts[account])))
    return digest.hexdigest()


def _shared(state: State) -> State:
    shared = _without_indexes(state)
    shared.accounts = {}
    shared.subscriptions = {s: _without_indexes(held) for s, held in state.subscriptions.items()}
    return shared


def _blank(field: msgspec.structs.FieldInfo) -> Callable[[], Any]:
    """What makes the value that a part is born with: an empty container, or a constant."""
    return field.default_factory if field.default is msgspec.NODEFAULT else lambda: field.default


_BLANK = {
    part: {field.name: _blank(field) for field in msgspec.structs.fields(part) if field.name in indexes}
    for part, indexes in SKIPPED_IN_SNAPSHOTS.items()
}


def _without_indexes(part: Part) -> Part:
    """A shallow copy whose indexes are as they were born."""
    bare = msgspec.structs.replace(part)
    for name in SKIPPED_IN_SNAPSHOTS[type(part)]:
        setattr(bare, name, _BLANK[type(part)][name]())
    return bare


def _canonical(part: Mutable) -> bytes:
    plain = msgspec.to_builtins(part, builtin_types=(bytes, datetime), str_keys=True, order="deterministic")
    return _framed(_encoder.encode(plain))


def _framed(piece: bytes) -> bytes:
    return len(piece).to_bytes(LENGTH_BYTES, "big") + piece


def _pieces(content: bytes) -> Iterator[memoryview]:
    view = memoryview(content)
    at = 0
    while at < len(view):
        start = at + LENGTH_BYTES
        at = start + int.from_bytes(view[at:start], "big")
        if at > len(view) or start > len(view):
            raise SnapshotUnreadable("the snapshot is cut short")
        yield view[start:at]
