"""Snapshots and catalogues that come in parts, put together in memory; half a set is never used.

A restart forgets unfinished sets: their parts were answered as not durable, and the EA sends the next set in time.
"""

from collections import OrderedDict, deque
from collections.abc import Hashable, Sequence
from hashlib import blake2b
from typing import Generic, TypeVar

import msgspec

from kopitra.domain.identifiers import AccountId
from kopitra.domain.symbols import SymbolSpec
from kopitra.domain.telemetry import HeldPosition, PositionSnapshot, SymbolCatalog

MOST_UNFINISHED = 2_000
"""Sets at once, over all accounts; the oldest goes. An account has at most one of each kind."""
DIGEST_BYTES = 16
REMEMBERED_SNAPSHOTS = 8
"""Of an account: some minutes of a busy one, longer than any request is on its way."""

Part = TypeVar("Part", PositionSnapshot, SymbolCatalog)


class _Unfinished(Generic[Part]):
    def __init__(self, name: Hashable) -> None:
        self.name = name
        self.parts: dict[int, Part] = {}


class PartSets(Generic[Part]):
    """One unfinished set an account; a part of another set replaces it."""

    def __init__(self) -> None:
        self._sets: OrderedDict[AccountId, _Unfinished[Part]] = OrderedDict()

    def add(self, account: AccountId, name: Hashable, part: Part) -> list[Part] | None:
        """All parts in their order once `part` completes the set of this name, else None."""
        if part.parts == 1:
            self._sets.pop(account, None)
            return [part]
        known = self._sets.get(account)
        if known is None or known.name != (name, part.parts):
            known = self._sets[account] = _Unfinished((name, part.parts))
            self._sets.move_to_end(account)
        known.parts[part.part] = part
        if len(known.parts) < part.parts:
            if len(self._sets) > MOST_UNFINISHED:
                self._sets.popitem(last=False)
            return None
        del self._sets[account]
        return [known.parts[number] for number in sorted(known.parts)]


class SnapshotSets:
    def __init__(self) -> None:
        self._sets: PartSets[PositionSnapshot] = PartSets()
        self._taken: dict[AccountId, deque[str]] = {}

    def add(self, account: AccountId, part: PositionSnapshot) -> PositionSnapshot | None:
        """The whole snapshot, once: a network that delivers it again later must not make a second look of it. It is as
        good as its worst part: connected and synchronised only if all parts were."""
        taken = self._taken.setdefault(account, deque(maxlen=REMEMBERED_SNAPSHOTS))
        if part.snapshot_id in taken:
            return None
        whole = self._whole(account, part)
        if whole is not None:
            taken.append(part.snapshot_id)
        return whole

    def _whole(self, account: AccountId, part: PositionSnapshot) -> PositionSnapshot | None:
        name = (part.snapshot_id, part.login, part.server, part.stream_id, part.taken_at_ordinal)
        parts = self._sets.add(account, name, part)
        if parts is None or len(parts) == 1:
            return parts[0] if parts else None
        return msgspec.structs.replace(
            part,
            connected=all(each.connected for each in parts),
            synchronised=all(each.synchronised for each in parts),
            applied_through=min(each.applied_through for each in parts),
            positions=[position for each in parts for position in each.positions],
            orders=[order for each in parts for order in each.orders],
            executing=sorted({command for each in parts for command in each.executing}),
            part=1,
            parts=1,
        )


class CatalogSets:
    def __init__(self) -> None:
        self._sets: PartSets[SymbolCatalog] = PartSets()

    def add(self, account: AccountId, part: SymbolCatalog) -> tuple[SymbolSpec, ...] | None:
        """All symbols, by name; a symbol that is named twice counts as it was named last."""
        parts = self._sets.add(account, part.catalog_id, part)
        if parts is None:
            return None
        symbols = {spec.symbol: spec for each in parts for spec in each.symbols}
        return tuple(symbols[name] for name in sorted(symbols))


def snapshot_digest(snapshot: PositionSnapshot) -> str:
    """Alike for snapshots that show the same book, whenever they were taken."""

    def by_ticket(held: HeldPosition) -> int:
        return held.ticket

    return _digest(
        (
            snapshot.login,
            snapshot.server,
            sorted(snapshot.positions, key=by_ticket),
            sorted(snapshot.orders, key=by_ticket),
            sorted(snapshot.executing),
        )
    )


def catalog_digest(symbols: Sequence[SymbolSpec]) -> str:
    return _digest(symbols)


def _digest(content: object) -> str:
    return blake2b(msgspec.msgpack.encode(content), digest_size=DIGEST_BYTES).hexdigest()
