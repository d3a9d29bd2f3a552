"""What a follower's snapshot shows: copies that are gone or not as they should be, copies of unknown fate, positions of
nobody. Hedging accounts only; netted ones have no positions of their own to compare."""

from collections.abc import Iterator
from itertools import chain

import msgspec

from kopitra.domain.identifiers import CommandId, CopyId, derived_id
from kopitra.domain.orders import BY_HAND, MarginMode, OrderType
from kopitra.domain.quantities import ZERO
from kopitra.domain.telemetry import HeldPosition, PositionSnapshot
from kopitra.domain.trading import Order, OrderAction
from kopitra.machine.decisions.acks import close_filled, closing_incidents
from kopitra.machine.decisions.adopting import matches
from kopitra.machine.decisions.agreement import agreed, speaks_of
from kopitra.machine.decisions.drift import Difference, differences, ground_of
from kopitra.machine.decisions.held import HeldBook
from kopitra.machine.decisions.identity import is_own_magic
from kopitra.machine.decisions.leader_book import position_ref
from kopitra.machine.decisions.proposals import proposal_id, reopenable
from kopitra.machine.decisions.reissuing import never_was, open_again, why_never_opened
from kopitra.machine.events import (
    AnyEvent,
    CopyCorrected,
    CopySettled,
    OrphanClosed,
    Proposal,
    ProposalKind,
)
from kopitra.machine.outcome import Context
from kopitra.machine.state import FIRST_MAGIC, Account, Copy, CopyStatus, State


class FollowerFindings(msgspec.Struct):
    """`missing`, `extra` and `doubts` are this snapshot's suspicions; `knowledge` only says what is; `settled` follows
    from absence and from nothing else; `corrections` are what two snapshots agree should be put right."""

    missing: list[CopyId] = []
    extra: list[int] = []
    doubts: list[str] = []
    agreeing: list[CopyId] = []
    """Copies that are as they should be."""
    knowledge: list[AnyEvent] = []
    settled: list[AnyEvent] = []
    corrections: list[Proposal] = []
    changes: int = 0
    """Copies that are gone."""
    size: int = 0
    """Copies that should be in the book."""
    agreed_nets: list[str] = []
    """Symbols of a netting account in which others have traded, and the books agree all the same."""


class Examination:
    """One believable snapshot against the copies that the account should hold."""

    def __init__(self, state: State, account: Account, snapshot: PositionSnapshot, context: Context) -> None:
        self.state = state
        self.account = account
        self.book = account.following
        self.snapshot = snapshot
        self.context = context
        self.held = HeldBook(snapshot)
        self.owned: set[int] = set()
        self.findings = FollowerFindings()

    def run(self) -> FollowerFindings:
        for copy in list(self.book.copies.values()):
            seen = self.held.of(copy)
            if seen is not None and copy.live:
                self.owned.add(seen.ticket)
            if speaks_of(copy, self.snapshot):
                self._look_at(copy, seen)
        for position in self.held:
            if position.ticket not in self.owned and self._is_orphan(position):
                self._close_orphan(position)
        self._adopt()
        return self.findings

    def _look_at(self, copy: Copy, seen: HeldPosition | None) -> None:
        findings = self.findings
        if copy.status in (CopyStatus.OPEN, CopyStatus.PENDING):
            findings.size += 1
        if not copy.live:
            self._consider_reopening(copy)
        elif seen is None:
            self._miss(copy)
        elif copy.status is CopyStatus.UNKNOWN:
            findings.knowledge.append(as_seen(copy, seen))
            if copy.closing or not self.state.is_wanted(copy):
                closing = close_filled(self.state, _as_found(copy, seen), "found_after_close")
                findings.knowledge.append(closing)
        elif _has_become_open(copy, seen):
            findings.knowledge.append(as_seen(copy, seen))
        elif not copy.closing:
            found = differences(self.state, self.account, copy, seen, self.context)
            for difference in found:
                self._doubt(copy, difference, seen)
            if not found:
                findings.agreeing.append(copy.copy_id)

    def _miss(self, copy: Copy) -> None:
        """Not in the book: settled, or opened again if its open never happened, once two snapshots agree."""
        findings = self.findings
        if copy.status is not CopyStatus.UNKNOWN:
            findings.changes += 1
        elif self._may_be_another(copy):
            return
        findings.missing.append(copy.copy_id)
        if not agreed(self.book.missing.get(copy.copy_id), self.context):
            return
        if copy.status is not CopyStatus.UNKNOWN:
            ground = ground_of(ProposalKind.GONE, copy.copy_id)
            self._correct(copy, Difference(ProposalKind.GONE, ground, "absent"), None)
            return
        order = open_again(self.state, copy, self.context)
        if order is None:
            findings.settled.extend(self._never_opened(copy))
            return
        findings.missing.pop()  # what its new open comes to is a question of its own
        again = CopyCorrected(
            account=copy.follower, copy_id=copy.copy_id, order=order, cause="never_opened", run=copy.run
        )
        findings.settled.append(again)

    def _may_be_another(self, copy: Copy) -> bool:
        """A position without magic number that nobody owns may be this copy: then nothing is certain."""
        return any(held.ticket not in self.book.by_position for held in self.held.look_alikes(copy))

    def _never_opened(self, copy: Copy) -> Iterator[AnyEvent]:
        cause = why_never_opened(self.state, copy, self.context) if never_was(copy) else "absent"
        yield CopySettled(
            account=copy.follower, copy_id=copy.copy_id, status="closed", volume=ZERO, cause=cause
        )
        yield from closing_incidents(self.account, copy, cause)

    def _consider_reopening(self, copy: Copy) -> None:
        if copy.status is not CopyStatus.CLOSED or copy.cause not in BY_HAND:
            return
        if reopenable(self.state, self.account, copy.copy_id) is not None:
            ground = ground_of(ProposalKind.REOPEN, copy.copy_id)
            self._doubt(copy, Difference(ProposalKind.REOPEN, ground, "closed_by_hand"), None)

    def _doubt(self, copy: Copy, difference: Difference, seen: HeldPosition | None) -> None:
        self.findings.doubts.append(difference.ground)
        if agreed(self.book.doubts.get(difference.ground), self.context):
            self._correct(copy, difference, seen)

    def _correct(self, copy: Copy, difference: Difference, seen: HeldPosition | None) -> None:
        self.findings.corrections.append(
            Proposal(
                proposal=proposal_id(self.state, self.account, difference.ground),
                account=copy.follower,
                kind=difference.kind,
                ground=difference.ground,
                cause=difference.cause,
                at=self.context.now,
                copy_id=copy.copy_id,
                subscription=copy.subscription,
                leader=copy.leader,
                position_ref=copy.position_ref,
                held=seen,
            )
        )

    def _adopt(self) -> None:
        own = self.account.leading.positions
        unowned = [
            held
            for held in self.held
            if held.ticket not in self.owned
            and position_ref(self.snapshot.server, self.snapshot.login, held) not in own
        ]
        for match in matches(self.state, self.account, unowned, self.context):
            self.findings.doubts.append(match.ground)
            if not agreed(self.book.doubts.get(match.ground), self.context):
                continue
            present = match.present
            self.findings.corrections.append(
                Proposal(
                    proposal=proposal_id(self.state, self.account, match.ground),
                    account=self.account.account,
                    kind=ProposalKind.ADOPT,
                    ground=match.ground,
                    cause="unknown_position",
                    at=self.context.now,
                    subscription=present.subscription.subscription,
                    leader=present.leader.account,
                    position_ref=present.position.position_ref,
                    held=match.held,
                )
            )

    def _is_orphan(self, position: HeldPosition) -> bool:
        """It carries a copy's magic number, and no copy owns it: none has it, the one that had it ended before this
        snapshot, or the one that has it owns another position already."""
        if not is_own_magic(position.magic, self.book) or position.magic in self.book.released:
            return False
        copy_id = self.book.by_magic.get(position.magic)
        copy = self.book.copies.get(copy_id) if copy_id is not None else None
        if copy is None:
            return True
        if not copy.live:
            return speaks_of(copy, self.snapshot)
        same = (position.symbol, position.side) == (copy.symbol, copy.side)
        return same and copy.status is CopyStatus.OPEN and speaks_of(copy, self.snapshot)

    def _close_orphan(self, position: HeldPosition) -> None:
        self.findings.extra.append(position.ticket)
        if not agreed(self.book.extra.get(position.ticket), self.context):
            return
        if not _is_being_closed(self.account, position.ticket):
            self.findings.settled.append(_orphan_closed(self.state, self.account, position))


def examine_follower(
    state: State, account: Account, snapshot: PositionSnapshot, context: Context
) -> FollowerFindings:
    """Compare a believable snapshot with the copies that this account should hold."""
    if account.mode is MarginMode.NETTING:
        return FollowerFindings()
    if account.following.next_magic == FIRST_MAGIC and account.account not in state.by_follower:
        return FollowerFindings()
    return Examination(state, account, snapshot, context).run()


def _has_become_open(copy: Copy, seen: HeldPosition) -> bool:
    """Its fill was not told: its order rests no longer, or the open was only acknowledged."""
    if seen.order_type is not OrderType.MARKET:
        return False
    return copy.status is CopyStatus.PENDING or (copy.status is CopyStatus.OPEN and not copy.filled)


def as_seen(copy: Copy, seen: HeldPosition) -> CopySettled:
    resting = seen.order_type is not OrderType.MARKET
    return CopySettled(
        account=copy.follower,
        copy_id=copy.copy_id,
        status="open",
        volume=ZERO if resting else seen.volume,
        cause="found",
        ticket=seen.ticket,
        position_id=seen.position_id,
    )


def _as_found(copy: Copy, seen: HeldPosition) -> Copy:
    return msgspec.structs.replace(
        copy, filled=seen.volume + copy.closed, ticket=seen.ticket, position_id=seen.position_id
    )


def _is_being_closed(account: Account, ticket: int) -> bool:
    """An order for this ticket is pending, or waits to be driven again."""
    pending = (item.order for item in account.outbox.values() if item.order is not None)
    held_back = (held.order for held in account.held_back.values())
    return any(order.copy_id is None and order.ticket == ticket for order in chain(pending, held_back))


def _orphan_closed(state: State, account: Account, position: HeldPosition) -> OrphanClosed:
    command = CommandId(
        derived_id("o-", state.shard, account.account, "orphan", str(position.ticket), str(state.sequence))
    )
    resting = position.order_type is not OrderType.MARKET
    return OrphanClosed(
        account=account.account,
        order=Order(
            command_id=command,
            action=OrderAction.CANCEL if resting else OrderAction.CLOSE,
            symbol=position.symbol,
            side=position.side,
            order_type=position.order_type,
            volume=position.volume,
            magic=position.magic,
            comment=position.comment,
            ticket=position.ticket,
            position_id=position.position_id,
        ),
    )
