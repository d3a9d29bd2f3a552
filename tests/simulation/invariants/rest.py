"""What must be so once faults have stopped and the world has come to rest."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kopitra.domain.reversal import copied_stops
from kopitra.domain.rules import Remainder
from kopitra.domain.symbols import SymbolSpec
from kopitra.domain.trading import OrderAction
from kopitra.machine.state import FIRST_MAGIC, Copy, CopyStatus
from kopitra.simulation.broker.records import OrderState
from tests.simulation.invariants.registry import Invariant, invariant
from tests.simulation.stage.chains import copied_by, relays
from tests.simulation.stage.desired import ZERO, bounds
from tests.simulation.stage.facts import CopyFacts, LeaderTrade

if TYPE_CHECKING:
    from tests.simulation.stage.accounts import Party


@invariant("followers_converge")
class FollowersConverge(Invariant):
    """Every copy holds its share of what its leader holds, and nothing where the leader holds nothing."""

    def unsettled(self) -> Iterator[str]:
        for copy in self.facts.copies.values():
            if copy.copy_id in self.facts.released or copy.account in self.facts.netting:
                continue
            self.times += 1
            party = self.world.parties[copy.account]
            live = sum((p.volume for p in party.positions if p.magic == copy.magic), ZERO)
            if live != copy.live:
                yield f"{copy.account}'s copy {copy.magic}: the book has {live}, the ledger {copy.live}"
            trade = self.facts.trade_of(copy)
            ref = copy.ref
            if trade is None:
                yield from self._resting(party, copy)
                continue
            flattened = copy.opens[0].order.copy_id in self.facts.stopped
            remainder = self._remainder(copy)
            lowered = self.facts.operated.lowered.get(copy.copy_id)
            spec = self._spec(party, copy)
            least, most = bounds(copy, trade, spec, remainder, flattened=flattened, lowered=lowered)
            if not least <= live <= most:
                yield (
                    f"{copy.account}'s copy {copy.magic} of {ref} holds {live}, should hold {least} to {most}: "
                    f"filled {copy.filled}, own closes {copy.own}, leader has {trade.left} of {trade.opened}"
                )
            if (flattened or not trade.left) and any(o.magic == copy.magic for o in party.orders):
                yield f"{copy.account}'s order of copy {copy.magic} rests, its leader's trade is over"

    def _resting(self, party: "Party", copy: CopyFacts) -> Iterator[str]:
        """The leader's order was never filled: it rests, or it is gone and the copy with it."""
        rests = self.world.parties[copy.leader].rests(copy.ref)
        rests = rests and copy.opens[0].order.copy_id not in self.facts.stopped
        if not rests and copy.live:
            yield f"{copy.account}'s copy {copy.magic} holds {copy.live} of an order that is gone"
        if not rests and any(o.magic == copy.magic for o in party.orders):
            yield f"{copy.account}'s order of copy {copy.magic} rests, its leader's is gone"

    def _spec(self, party: "Party", copy: CopyFacts) -> SymbolSpec:
        return party.symbols[copy.opens[0].order.symbol]

    def _remainder(self, copy: CopyFacts) -> Remainder:
        rules = self.facts.shadow.subscriptions[copy.decision.subscription].rules
        return rules.remainder


@invariant("wanted_copies_exist")
class WantedCopiesExist(Invariant):
    """What a leader holds and was to be copied is held, or there is a recorded reason why it is not."""

    def unsettled(self) -> Iterator[str]:
        for copy in self.facts.copies.values():
            trade = self.facts.trade_of(copy)
            if trade is None or not trade.left or copy.filled or copy.copy_id in self.facts.released:
                continue
            self.times += 1
            copy_id = copy.opens[0].order.copy_id
            known = self.facts.shadow.accounts[copy.account].following.copies.get(copy_id)  # type: ignore[index,arg-type]
            if known is not None and known.status is CopyStatus.PENDING:
                continue  # waits for its own market
            orders = self.facts.orders_of(copy.account, copy.magic)
            taken_back = any(ordered.order.action is OrderAction.CANCEL for ordered in orders)
            if copy_id not in self.facts.ends and not taken_back and not self._taken_off(copy):
                yield f"{copy.account} holds nothing of copy {copy.magic}, and no record says why"

    def _taken_off(self, copy: CopyFacts) -> bool:
        """Its broker took the resting order off, for want of money say: both the journal and the broker's own history
        tell of it."""
        history = self.world.parties[copy.account].terminal.desk.broker.order_history(copy.magic)
        ended = any(order.state in (OrderState.CANCELLED, OrderState.EXPIRED) for order in history)
        return ended and copy.copy_id in self.facts.taken_off


@invariant("stops_agree")
class StopsAgree(Invariant):
    """A copy's stops are its leader's, as far as its rules copy them and its broker took them, or an operator's."""

    def unsettled(self) -> Iterator[str]:
        for copy in self.facts.copies.values():
            trade = self.facts.trade_of(copy)
            if trade is None or not trade.left or not copy.live or self._excused(copy):
                continue
            leader = next(
                (
                    p
                    for p in self.world.parties[trade.leader].positions
                    if trade.ref.endswith(f":{p.position_id}")
                ),
                None,
            )
            mine = [p for p in self.world.parties[copy.account].positions if p.magic == copy.magic]
            if leader is None or not mine:
                continue
            self.times += 1
            wanted = self._wanted(copy, leader.stop_loss, leader.take_profit)
            if (mine[0].stop_loss, mine[0].take_profit) != wanted:
                yield (
                    f"{copy.account}'s copy {copy.magic} has stops {mine[0].stop_loss} {mine[0].take_profit}, "
                    f"its leader's are {leader.stop_loss} {leader.take_profit}"
                )

    def _wanted(self, copy: CopyFacts, stop_loss: object, take_profit: object) -> tuple[object, object]:
        by_operator = self.facts.operated.stops.get(copy.copy_id)
        if by_operator is not None:
            return by_operator
        rules = self.facts.shadow.subscriptions[copy.decision.subscription].rules
        loss, profit = copied_stops(stop_loss, take_profit, copy.decision.reverse)  # type: ignore[arg-type]
        return loss if rules.copy_stop_loss else None, profit if rules.copy_take_profit else None

    def _excused(self, copy: CopyFacts) -> bool:
        """A change that the broker refused is not driven again: the operator sees it in its record."""
        if copy.account in self.facts.netting:
            return True
        return copy.copy_id in self.facts.refused_modifies | self.facts.released


@invariant("nothing_unresolved")
class NothingUnresolved(Invariant):
    """No fate is unknown, no command is pending, no position carries our magic number without a copy that owns it."""

    def unsettled(self) -> Iterator[str]:
        for name, account in self.facts.shadow.accounts.items():
            self.times += 1
            for copy in account.following.copies.values():
                if copy.status is CopyStatus.UNKNOWN and self._has_a_double(name, copy):
                    continue  # a position without a magic number may be it: only its owner can tell
                if copy.status in (CopyStatus.UNKNOWN, CopyStatus.PLANNED):
                    yield f"{name}'s copy {copy.magic} is {copy.status}"
                if copy.outstanding:
                    yield f"{name}'s copy {copy.magic} waits for {copy.outstanding}"
            waiting = [item.event_type for item in account.outbox.values() if item.order is not None]
            if waiting or account.held_back:
                yield f"{name} has pending {waiting} and refused {list(account.held_back)}"
            yield from self._orphans(name)

    def _has_a_double(self, name: str, copy: Copy) -> bool:
        wanted = (0, copy.symbol, copy.side, copy.planned_volume)
        held = self.world.parties[name].positions
        return wanted in [(p.magic, p.symbol, p.side, p.volume) for p in held]

    def _orphans(self, name: str) -> Iterator[str]:
        book = self.facts.shadow.accounts[name].following  # type: ignore[index]
        if name in self.facts.netting:
            return  # the one position of a symbol has the magic number of whoever came first
        for position in self.world.parties[name].positions:
            if position.magic < FIRST_MAGIC:
                continue
            copy_id = book.by_magic.get(position.magic)
            copy = book.copies.get(copy_id) if copy_id is not None else None
            if (name, position.magic) in self.facts.operated.lone:
                continue  # no copy was to own it
            facts = self.facts.copies.get((name, position.magic))
            if facts is not None and facts.copy_id in self.facts.released:
                continue
            if copy is None or not copy.live:
                yield f"{name}'s position {position.ticket} of magic {position.magic} belongs to no live copy"


@invariant("fills_count_once")
class FillsCountOnce(Invariant):
    """The core knows of every deal of a copy, each once: what it believes to be filled and closed is what was."""

    def unsettled(self) -> Iterator[str]:
        for copy in self.facts.copies.values():
            account = self.facts.shadow.accounts[copy.account]  # type: ignore[index]
            known = account.following.copies.get(copy.opens[0].order.copy_id)  # type: ignore[arg-type]
            if known is None or not known.live:
                continue
            self.times += 1
            if (known.filled, known.filled - known.closed) != (copy.filled, copy.live):
                yield (
                    f"{copy.account}'s copy {copy.magic}: the core counts {known.filled} filled and "
                    f"{known.closed} closed, its broker {copy.filled} and {copy.closed}"
                )


@invariant("every_trade_is_known")
class EveryTradeIsKnown(Invariant):
    """Each position that a leader ever opened has a record, and the core's book of the leader is the leader's."""

    def unsettled(self) -> Iterator[str]:
        for trade in self.facts.trades.values():
            leader = self.facts.shadow.accounts[trade.leader]  # type: ignore[index]
            self.times += 1
            decided = (trade.leader, trade.ref) in self.facts.decided
            book = leader.leading
            ref = book.aliases.get(trade.ref, trade.ref)  # type: ignore[call-overload]
            position = book.positions.get(ref)  # type: ignore[arg-type]
            if trade.left:
                if position is None:
                    if self._is_echo(trade):
                        continue
                    yield f"{trade.leader}'s {trade.ref} is open, the core does not know it"
                elif position.volume != trade.left:
                    yield f"{trade.leader}'s {trade.ref} has {trade.left}, the core believes {position.volume}"
            elif position is not None:
                yield f"{trade.leader}'s {trade.ref} is closed, the core believes it open"
            if not decided and position is None and not self._was_pending(trade):
                yield f"{trade.leader}'s {trade.ref} left no record"

    def _is_echo(self, trade: LeaderTrade) -> bool:
        """A copy that no group copies on, or that is its owner's by now, or an operator's: recorded, and not kept."""
        copy = copied_by(self.facts, trade.leader, trade.magic)
        recorded = (trade.leader, trade.ref) in self.facts.decided or self._was_pending(trade)
        if recorded and self.facts.operated.opened(trade.leader, trade.magic):
            return True
        if copy is None or not recorded:
            return False
        return copy.copy_id in self.facts.released or not relays(self.facts, trade.leader)

    def _was_pending(self, trade: LeaderTrade) -> bool:
        """Recorded under its order's name."""
        return any(
            known is trade and (trade.leader, ref) in self.facts.decided
            for ref, known in self.facts.trades_by_ref.items()
        )
