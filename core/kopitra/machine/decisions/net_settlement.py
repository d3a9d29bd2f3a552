"""What a difference between a net position and its virtual book means (docs/decisions/0138).

Commands of unknown fate explain what they can (`decisions.net_doubts`). The rest is the owner's doing. What he took
from the net position is taken from manual volume first, then from copies that it works against, the oldest first; what
he added to it is manual volume, which is never traded here. An owner who leaves nothing, or turns the position, has
closed everything (docs/decisions/0156).
"""

from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import Any

import msgspec

from kopitra.domain.identifiers import CommandId
from kopitra.domain.quantities import ZERO
from kopitra.domain.trading import Order, OrderAction
from kopitra.machine.decisions.acks import close_filled, closing_incidents, corrective
from kopitra.machine.decisions.net_doubts import MOST_DOUBTS, Doubt, doubts_of, summing_to
from kopitra.machine.decisions.netting import STOPS_HELD_BY_LEADER, NetOrders, live_net, signed
from kopitra.machine.decisions.reissuing import open_again, why_never_opened
from kopitra.machine.events import AnyEvent, CopyCorrected, CopyVolumes, NetSettled, ProposalKind, Taken
from kopitra.machine.outcome import Context
from kopitra.machine.state import Account, Copy, CopyStatus, State

BY_HAND = "by_hand"
DOUBTFUL = frozenset({CopyStatus.UNKNOWN, CopyStatus.PENDING})


class Settlement:
    """One difference of one symbol, worked out on its copies' volumes. Changes nothing but itself."""

    def __init__(
        self,
        state: State,
        account: Account,
        symbol: str,
        copies: list[Copy],
        difference: Decimal,
        gone: Collection[int],
    ) -> None:
        known = account.following.nets.get(symbol)
        self._state = state
        self._account = account
        self._symbol = symbol
        self._copies = sorted(copies, key=lambda copy: (copy.magic, copy.copy_id))
        self._observed = live_net(account, symbol) + difference
        self._left = difference
        self._volumes = {c.copy_id: CopyVolumes(c.copy_id, c.filled, c.closed) for c in copies}
        self._unopened: list[Copy] = []
        self._by_hand: list[Copy] = []
        self._manual = known.manual if known is not None else ZERO
        self._told = known is not None and known.foreign == difference
        self.cause = str(known.reason) if known is not None and known.reason is not None else BY_HAND
        self._explain(list(doubts_of(account, copies, gone)))
        self._attribute()

    def unexplained(self) -> int:
        """Copies that somebody else reduced, without reported deals that say so."""
        return 0 if self._told else len(self._by_hand)

    def events(self, context: Context) -> Iterator[AnyEvent]:
        """The settlement, then what follows from it, as if it had happened already."""
        again = self._opened_again(context)
        changed = [volumes for volumes in map(self._changed, self._copies) if volumes is not None]
        over = {volumes.copy_id: volumes.ended for volumes in changed if volumes.ended is not None}
        yield NetSettled(
            account=self._account.account,
            symbol=self._symbol,
            manual=self._manual,
            cause=self.cause if self._by_hand else "agreed",
            copies=tuple(changed),
            due=tuple(c for c, order in self._held_back() if order.copy_id not in over),
        )
        for copy in self._copies:
            if copy.copy_id in over:
                yield from closing_incidents(self._account, copy, over[copy.copy_id])
            elif copy.copy_id in again:
                yield CopyCorrected(
                    account=self._account.account,
                    copy_id=copy.copy_id,
                    order=self._sharing(again[copy.copy_id]),
                    cause="never_opened",
                    run=copy.run,
                )
        unwanted = list(self._unwanted())
        yield from unwanted
        yield from self._stops_taken_away({*over, *again, *(closing.copy_id for closing in unwanted)})

    def _explain(self, doubts: list[Doubt]) -> None:
        """Which commands of unknown fate were carried out: the ones that sum to the difference; where none do, as many
        as it has room for, the last in part."""
        carried_out = summing_to(self._left, doubts[:MOST_DOUBTS])
        for doubt in doubts:
            if carried_out is None:
                share = _common(doubt.effect, self._left)
            else:
                share = doubt.effect if doubt in carried_out else ZERO
            self._left -= share
            known, volume = self._volumes[doubt.copy.copy_id], abs(share)
            if doubt.command is not None:
                taken = (*known.taken, Taken(doubt.command, volume)) if volume else known.taken
                self._note(known, closed=known.closed + volume, taken=taken)
            elif volume:
                self._note(known, filled=known.filled + volume)
            else:
                self._unopened.append(doubt.copy)

    def _attribute(self) -> None:
        """What nobody here ordered. As at the broker, only what takes from the net position closes: manual volume
        first, then copies. What adds to it, on either side, is manual volume."""
        before = self._observed - self._left
        closing = _common(-before, self._left)
        added = self._left - closing
        self._take_off(closing)
        if self._by_hand and closing == -before:
            self._close_everything()
        self._manual += added
        self._left = ZERO

    def _take_off(self, closing: Decimal) -> None:
        taken = _common(-self._manual, closing)
        self._manual += taken
        closing -= taken
        for copy in self._copies:
            known = self._volumes[copy.copy_id]
            taken = _common(-signed(copy.side, known.filled - known.closed), closing)
            if taken:
                closing -= taken
                self._by_hand.append(copy)
                self._note(known, closed=known.closed + abs(taken))
                self._leave_crumbs(copy)

    def _close_everything(self) -> None:
        """Somebody took the whole position away: what the books would hold against each other is over, too. To close
        one part of it later would open the other at the broker."""
        self._manual = ZERO
        for copy in self._copies:
            known = self._volumes[copy.copy_id]
            if known.filled == known.closed:
                continue
            self._note(known, closed=known.filled)
            if copy not in self._by_hand:
                self._by_hand.append(copy)

    def _leave_crumbs(self, copy: Copy) -> None:
        """Less than an order may be cannot be closed from here: it is the owner's."""
        known = self._volumes[copy.copy_id]
        rest = known.filled - known.closed
        if ZERO < rest < self._account.spec_of(copy.symbol).volume_min:
            self._manual += signed(copy.side, rest)
            self._note(known, closed=known.filled)

    def _note(self, known: CopyVolumes, **changes: Any) -> None:
        self._volumes[known.copy_id] = msgspec.structs.replace(known, **changes)

    def _opened_again(self, context: Context) -> dict[str, Order]:
        """New opens for those that never happened; what is not wanted any more has ended."""
        orders: dict[str, Order] = {}
        for copy in self._unopened:
            order = open_again(self._state, copy, context)
            if order is not None:
                orders[copy.copy_id] = order
                continue
            unknown = copy.status is CopyStatus.UNKNOWN
            ended = why_never_opened(self._state, copy, context) if unknown else "absent"
            known = self._volumes[copy.copy_id]
            self._volumes[copy.copy_id] = msgspec.structs.replace(known, ended=ended)
        return orders

    def _changed(self, copy: Copy) -> CopyVolumes | None:
        """The copy's volumes if they change, with the reason if that is its end."""
        volumes = self._volumes[copy.copy_id]
        if volumes.ended is None and volumes.filled and volumes.filled == volumes.closed:
            cause = self.cause if copy in self._by_hand else copy.cause or "closed"
            return msgspec.structs.replace(volumes, ended=cause)
        same = (volumes.filled, volumes.closed, volumes.ended) == (copy.filled, copy.closed, None)
        return None if same else volumes

    def _held_back(self) -> Iterator[tuple[CommandId, Order]]:
        """Offsets of this symbol that wait to be driven again: what they waited for is known now."""
        for command, held in self._account.held_back.items():
            if held.order.symbol == self._symbol and held.order.copy_id is not None:
                yield command, held.order

    def _sharing(self, order: Order) -> Order:
        """Without stops where the owner trades there, too."""
        return msgspec.structs.replace(order, stop_loss=None, take_profit=None) if self._manual else order

    def _stops_taken_away(self, without: Collection[str]) -> Iterator[AnyEvent]:
        """A copy that was alone, and is not since the owner trades there, too: its stops would close his volume.
        `without`: copies that are over, or have got a command from this settlement already."""
        for copy in self._copies:
            stops = copy.stop_loss or copy.take_profit
            if not self._manual or not stops or copy.closing or copy.copy_id in without:
                continue
            order = corrective(self._state, copy, OrderAction.MODIFY)
            resting = copy.status is CopyStatus.PENDING
            yield CopyCorrected(
                account=self._account.account,
                copy_id=copy.copy_id,
                order=msgspec.structs.replace(order, price=copy.price if resting else None),
                cause=STOPS_HELD_BY_LEADER,
                run=copy.run,
            )

    def _unwanted(self) -> Iterator[CopyCorrected]:
        """Opens that turned out to be there although their leader's trade is over."""
        net = NetOrders(self._state)
        net.know(self._account.account, self._symbol, self._observed)
        driven = {order.copy_id for _, order in self._held_back()}
        for copy in self._copies:
            volumes = self._volumes[copy.copy_id]
            if copy.status not in DOUBTFUL or copy.copy_id in driven or volumes.filled == volumes.closed:
                continue
            if copy.closing or not self._state.is_wanted(copy):
                found = msgspec.structs.replace(copy, filled=volumes.filled, closed=volumes.closed)
                yield close_filled(self._state, found, "found_after_close", net)


def live_copies(account: Account, symbol: str) -> list[Copy]:
    return [copy for copy in account.following.copies.values() if copy.symbol == symbol and copy.live]


def ground_of_net(symbol: str, difference: Decimal, gone: Collection[int]) -> str:
    """`net|symbol|lots|magic,…`: by how much it differs, and the pending orders that are not there any more."""
    magics = ",".join(str(magic) for magic in sorted(gone))
    return f"{ProposalKind.NET}|{symbol}|{difference.normalize():f}|{magics}"


def settle_net(state: State, account: Account, ground: str, context: Context) -> list[AnyEvent]:
    """What this doubt comes to as things stand; nothing while a command in its symbol is on its way."""
    _, symbol, difference, magics = ground.split("|")
    gone = [int(magic) for magic in magics.split(",") if magic]
    copies = live_copies(account, symbol)
    if any(copy.outstanding for copy in copies):
        return []
    settlement = Settlement(state, account, symbol, copies, Decimal(difference), gone)
    return list(settlement.events(context))


def _common(one: Decimal, other: Decimal) -> Decimal:
    """What two changes of the same direction share; nothing where they differ in it."""
    if one * other <= ZERO:
        return ZERO
    return min(one, other, key=abs)
