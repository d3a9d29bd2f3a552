"""A netting follower's snapshots against its virtual book.

Only the net position of a symbol can be seen. Where it differs from copies and manual volume together, and two
snapshots agree on the difference, it is settled (`decisions.net_settlement`). Pending orders show as everywhere.
"""

from collections.abc import Collection
from decimal import Decimal

from kopitra.domain.identifiers import ProposalId, derived_id
from kopitra.domain.quantities import ZERO
from kopitra.domain.telemetry import PositionSnapshot
from kopitra.machine.decisions.agreement import agreed, speaks_of
from kopitra.machine.decisions.follower_book import Examination, FollowerFindings, as_seen
from kopitra.machine.decisions.net_settlement import Settlement, doubts_of, ground_of_net, live_copies
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
        seen: dict[str, Decimal] = {}
        for held in self.snapshot.positions:
            seen[held.symbol] = seen.get(held.symbol, ZERO) + signed(held.side, held.volume)
        copies = self.book.copies.values()
        used = {copy.symbol for copy in copies if copy.live}
        for symbol in sorted({*seen, *used, *self.book.nets}):
            self._look_at_net(symbol, seen.get(symbol, ZERO))
        for order in self.snapshot.orders:
            self._look_at_order(order.magic)
            if self._is_orphan(order):
                self._close_orphan(order)
        return self.findings

    def _look_at_net(self, symbol: str, seen: Decimal) -> None:
        findings, book = self.findings, self.book
        copies = live_copies(self.account, symbol)
        findings.size += sum(1 for copy in copies if copy.live_volume)
        if not all(speaks_of(copy, self.snapshot) for copy in copies):
            findings.doubts.extend(d for d in book.doubts if d.startswith(f"{ProposalKind.NET}|{symbol}|"))
            return
        difference = seen - live_net(self.account, symbol)
        gone = self._gone(copies)
        if not difference and not any(doubts_of(self.account, copies, gone)):
            if symbol in book.nets and book.nets[symbol].reason is not None:
                findings.agreed_nets.append(symbol)
            return
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

    def _look_at_order(self, magic: int) -> None:
        """A pending order of unknown fate is there after all."""
        copy_id = self.book.by_magic.get(magic)
        copy = self.book.copies.get(copy_id) if copy_id is not None else None
        if copy is None or copy.status is not CopyStatus.UNKNOWN or not speaks_of(copy, self.snapshot):
            return
        order = next(order for order in self.snapshot.orders if order.magic == magic)
        self.findings.knowledge.append(as_seen(copy, order))

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
