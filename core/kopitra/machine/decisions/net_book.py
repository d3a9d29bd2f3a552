"""A netting follower's snapshots against its virtual book.

Only the net position of a symbol can be seen. Where it differs from copies and manual volume together, and two
snapshots agree on the difference, it is settled (`decisions.net_settlement`). Pending orders show as everywhere; what
can be said of stops, and of copies that are over, is in docs/decisions/0156.
"""

from collections.abc import Collection
from decimal import Decimal

from kopitra.domain.identifiers import ProposalId, derived_id
from kopitra.domain.quantities import ZERO
from kopitra.domain.telemetry import HeldPosition, PositionSnapshot
from kopitra.machine.decisions.agreement import agreed, speaks_of
from kopitra.machine.decisions.drift import Difference, difference_of_stops, ground_of, is_left_over
from kopitra.machine.decisions.follower_book import Examination, FollowerFindings, as_seen
from kopitra.machine.decisions.net_doubts import doubts_of
from kopitra.machine.decisions.net_settlement import Settlement, ground_of_net, live_copies
from kopitra.machine.decisions.netting import live_net, signed
from kopitra.machine.events import Proposal, ProposalKind
from kopitra.machine.outcome import Context
from kopitra.machine.state import Account, Copy, CopyStatus, State


def examine_net(
    state: State, account: Account, snapshot: PositionSnapshot, context: Context
) -> FollowerFindings:
    """Compare a believable snapshot with the virtual book of a netting account that follows, or has followed."""
    book = account.following
    if not book.copies and not book.nets and account.account not in state.by_follower:
        return FollowerFindings()
    return NetExamination(state, account, snapshot, context).run()


class NetExamination(Examination):
    """One believable snapshot of net positions against the copies that share them."""

    def run(self) -> FollowerFindings:
        self.unsettled: set[str] = set()
        """Symbols whose net is not as it should be, or of which the snapshot says nothing."""
        seen: dict[str, Decimal] = {}
        for held in self.snapshot.positions:
            seen[held.symbol] = seen.get(held.symbol, ZERO) + signed(held.side, held.volume)
        copies = self.book.copies.values()
        used = {copy.symbol for copy in copies if copy.live}
        for symbol in sorted({*seen, *used, *self.book.nets}):
            self._look_at_net(symbol, seen.get(symbol, ZERO))
        for order in self.snapshot.orders:
            self._look_at_order(order)
            if self._is_orphan(order):
                self._close_orphan(order)
        for held in self.snapshot.positions:
            if held.symbol not in self.unsettled:
                self._look_at_stops(held)
        for copy in list(copies):
            self._look_at_end(copy)
        return self.findings

    def _look_at_net(self, symbol: str, seen: Decimal) -> None:
        findings, book = self.findings, self.book
        copies = live_copies(self.account, symbol)
        findings.size += sum(1 for copy in copies if copy.live_volume)
        if not all(speaks_of(copy, self.snapshot) for copy in copies):
            self.unsettled.add(symbol)
            findings.doubts.extend(d for d in book.doubts if d.startswith(f"{ProposalKind.NET}|{symbol}|"))
            return
        difference = seen - live_net(self.account, symbol)
        gone = self._gone(copies)
        if not difference and not any(doubts_of(self.account, copies, gone)):
            if symbol in book.nets and book.nets[symbol].reason is not None:
                findings.agreed_nets.append(symbol)
            return
        self.unsettled.add(symbol)
        ground = ground_of_net(symbol, difference, gone)
        findings.doubts.append(ground)
        settlement = Settlement(self.state, self.account, symbol, copies, difference, gone)
        findings.changes += settlement.unexplained()
        if not agreed(book.doubts.get(ground), self.context):
            return
        if settlement.unexplained():
            findings.corrections.append(self._proposal(ground, settlement.cause))
        else:
            findings.knowledge.extend(settlement.events(self.context))

    def _gone(self, copies: Collection[Copy]) -> list[int]:
        """Magic numbers of copies whose pending order is not there any more."""
        resting = {order.magic for order in self.snapshot.orders}
        waiting = (copy.magic for copy in copies if copy.status is CopyStatus.PENDING)
        return [magic for magic in waiting if magic not in resting]

    def _look_at_order(self, order: HeldPosition) -> None:
        """A pending order is a copy's own: of unknown fate, it is there after all; else its price and stops show."""
        copy_id = self.book.by_magic.get(order.magic)
        copy = self.book.copies.get(copy_id) if copy_id is not None else None
        if copy is None or not speaks_of(copy, self.snapshot):
            return
        if copy.status is CopyStatus.UNKNOWN:
            self.findings.knowledge.append(as_seen(copy, order))
        elif copy.status is CopyStatus.PENDING and not copy.closing:
            self._compare_stops(copy, order)

    def _look_at_stops(self, held: HeldPosition) -> None:
        """A net position has stops of its own. Where the owner trades in it, too, they are his."""
        if held.symbol in self.book.nets:
            return
        filled = [copy for copy in live_copies(self.account, held.symbol) if copy.live_volume]
        if filled and not any(copy.closing for copy in filled):
            self._compare_stops(min(filled, key=lambda copy: (copy.magic, copy.copy_id)), held)

    def _compare_stops(self, copy: Copy, seen: HeldPosition) -> None:
        difference = difference_of_stops(self.state, copy, seen)
        if difference is not None:
            self._doubt(copy, difference, seen)
        else:
            self.findings.agreeing.append(copy.copy_id)

    def _look_at_end(self, copy: Copy) -> None:
        """A copy that should be over and is not, or is over and should not be; decided once its net is settled."""
        if not speaks_of(copy, self.snapshot):
            return
        if copy.symbol in self.unsettled:
            grounds = (
                ground_of(kind, copy.copy_id) for kind in (ProposalKind.REOPEN, ProposalKind.LEFT_OVER)
            )
            self.findings.doubts.extend(ground for ground in grounds if ground in self.book.doubts)
        elif not copy.live:
            self._consider_reopening(copy)
        elif copy.status is CopyStatus.OPEN and copy.live_volume and is_left_over(self.state, copy):
            ground = ground_of(ProposalKind.LEFT_OVER, copy.copy_id)
            self._doubt(copy, Difference(ProposalKind.LEFT_OVER, ground, "leader_closed"), None)

    def _proposal(self, ground: str, cause: str) -> Proposal:
        since = self.book.doubts[ground].isoformat()
        name = derived_id("x-", self.state.shard, self.account.account, ground, since)
        return Proposal(
            proposal=ProposalId(name),
            account=self.account.account,
            kind=ProposalKind.NET,
            ground=ground,
            cause=cause,
            at=self.context.now,
        )
