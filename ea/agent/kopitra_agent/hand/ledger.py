"""Reads the broker's ledger line by line and tells whose each line is: a command's, or somebody else's doing on a copy.

What is reported of fills comes from here and not from what OrderSend answered: every deal has one place in the ledger,
the cursor is kept on disk with what waits to be reported, and so each is told once, whoever made it, whenever we died.
"""

import asyncio
from decimal import Decimal

from kopitra.domain.identifiers import CommandId
from kopitra.domain.orders import DealReason
from kopitra.domain.telemetry import BalanceOperation
from kopitra.domain.trading import Execution
from kopitra_agent.account import Owner
from kopitra_agent.balances import balance_operation_of
from kopitra_agent.hand.executions import enters, execution_of, execution_of_ended, foreign_execution
from kopitra_agent.hand.floor import Floor
from kopitra_agent.hand.records import CopyFill, Scanned
from kopitra_agent.hand.state import Copy
from kopitra_agent.ports.terminal import Deal

REMEMBERED_DEALS = 4_096
"""Deals read lately; a command's answer arrives at most seconds after its deal."""


class Ledger:
    def __init__(self, floor: Floor, owner: Owner) -> None:
        self._floor = floor
        self._memory = floor.memory
        self._owner = owner
        self._turn = asyncio.Lock()
        self._seen: dict[int, None] = {}
        self._told: set[int] = set()
        self.scanned = False
        """Whether the ledger was read since this process began."""

    def has_seen(self, deal_id: int) -> bool:
        return deal_id in self._seen

    def tell(self, execution: Execution) -> None:
        """Report a fill that the ledger does not show; if it does later, it is not reported again."""
        self._memory.record_anyway(Scanned(cursor=self._memory.state.cursor, executions=[execution]))
        if isinstance(execution.deal_id, int):
            self._told.add(execution.deal_id)

    async def scan(self, busy: set[int]) -> bool:
        """Read what is new; whether there was anything. `busy`: magic numbers of running commands, whose pending orders
        are theirs to tell of. Raises TerminalUnavailable."""
        async with self._turn:
            ended = await self._ended_orders(busy)
            deals = await self._floor.terminal.deals(self._memory.state.cursor)
            self.scanned = True
            if not deals and not ended:
                return False
            reading = _Reading(self, self._memory.state.cursor)
            for deal in deals:
                if self._must_wait(deal):
                    break
                reading.take(deal)
            for copy, execution in ended:
                reading.end(copy, execution)
            if reading.is_empty():
                return False
            self._memory.record_anyway(reading.record(), flush=False)
            return True

    def _must_wait(self, deal: Deal) -> bool:
        """A deal without magic number may be that of a command under way: its answer will name it."""
        return (
            deal.kind == "trade"
            and not deal.magic
            and deal.reason in (None, DealReason.EXPERT)
            and any(intent.order.symbol == deal.symbol for intent in self._memory.state.intents.values())
        )

    async def _ended_orders(self, busy: set[int]) -> list[tuple[Copy, Execution | None]]:
        """Resting orders of ours that the broker no longer lists, with what is to be told of them."""
        resting = [c for c in self._memory.state.copies.values() if c.resting and c.magic not in busy]
        if not resting:
            return []
        listed = {order.ticket for order in await self._floor.orders.fresh()}
        ended: list[tuple[Copy, Execution | None]] = []
        for copy in resting:
            if copy.order_ticket in listed:
                continue
            for order in await self._floor.terminal.order_history(copy.magic):
                if order.ticket != copy.order_ticket:
                    continue
                if order.state == "filled":
                    ended.append((copy, None))
                elif order.state != "placed":
                    ended.append((copy, execution_of_ended(order, copy, self._floor.clock.now())))
        return ended

    def command_of(self, deal: Deal, copy: Copy) -> CommandId | None:
        """The command that made this deal of a copy; None where somebody or something else did."""
        named = self._memory.owner_of(deal.deal_id)
        if named is not None or deal.reason not in (None, DealReason.EXPERT):
            return named
        if enters(deal, copy, self._owner):
            return copy.opened_by
        intent = self._memory.reduction_of(copy.magic)
        if intent is not None:
            return intent.command_id
        return copy.reduced_by if deal.magic in (0, copy.magic) else None

    def remember(self, deal_id: int) -> bool:
        """Note a deal as read; whether it was told already."""
        self._seen[deal_id] = None
        if len(self._seen) > REMEMBERED_DEALS:
            del self._seen[next(iter(self._seen))]
        told = deal_id in self._told
        self._told.discard(deal_id)
        return told

    @property
    def owner(self) -> Owner:
        return self._owner

    def copy_at(self, deal: Deal) -> Copy | None:
        """The copy that a deal belongs to. In a net position only what we ordered is a copy's: by the number that our
        order gave it, or by the answer that named it."""
        if not self._owner.netting:
            return self._memory.copy_at(deal.position_id, deal.magic)
        if deal.reason not in (None, DealReason.EXPERT):
            return None
        command = self._memory.owner_of(deal.deal_id)
        outcome = self._memory.state.outcomes.get(command) if command is not None else None
        return self._memory.state.copies.get(outcome.magic if outcome is not None else deal.magic)

    def concerns_copies(self, deal: Deal) -> bool:
        """Whether somebody else's deal moves a net position that copies share."""
        return self._owner.netting and any(
            copy.symbol == deal.symbol for copy in self._memory.state.copies.values()
        )


class _Reading:
    """The lines of one scan, becoming one record."""

    def __init__(self, ledger: Ledger, cursor: int) -> None:
        self._ledger = ledger
        self._began = self._cursor = cursor
        self._executions: list[Execution] = []
        self._balances: list[BalanceOperation] = []
        self._fills: list[CopyFill] = []
        self._owners: dict[int, Copy] = {}
        self._entered: dict[int, Decimal] = {}

    def take(self, deal: Deal) -> None:
        self._cursor = deal.ordinal
        if deal.kind != "trade":
            self._balances.append(balance_operation_of(deal, self._ledger.owner))
            return
        told = self._ledger.remember(deal.deal_id)
        copy = self._owner_of(deal)
        if copy is None:
            if self._ledger.concerns_copies(deal) and not told:
                self._executions.append(foreign_execution(deal, self._ledger.owner))
            return  # not a copy of ours: the position snapshot shows it
        self._note(deal, copy)
        if not told:
            command = self._ledger.command_of(deal, copy)
            filled = copy.volume + self._entered.get(copy.magic, Decimal(0))
            self._executions.append(execution_of(deal, copy, command, filled, self._ledger.owner))

    def _owner_of(self, deal: Deal) -> Copy | None:
        if self._ledger.owner.netting:
            return self._ledger.copy_at(deal)
        copy = self._owners.get(deal.position_id) or self._ledger.copy_at(deal)
        if copy is not None:
            self._owners[deal.position_id] = copy
        return copy

    def end(self, copy: Copy, execution: Execution | None) -> None:
        """A resting order ended. A filled one only once its deal was read: the broker may show that later."""
        if execution is not None:
            self._executions.append(execution)
        elif copy.position_id is None and copy.volume <= 0 and copy.magic not in self._entered:
            return
        self._fills.append(CopyFill(magic=copy.magic, order_ended=True))

    def _note(self, deal: Deal, copy: Copy) -> None:
        netting = self._ledger.owner.netting
        entered = enters(deal, copy, self._ledger.owner)
        if entered:
            self._entered[copy.magic] = self._entered.get(copy.magic, Decimal(0)) + deal.volume
        self._fills.append(
            CopyFill(
                magic=copy.magic,
                volume=deal.volume if entered else -deal.volume,
                position_id=None if netting else deal.position_id,
                position_ticket=None if netting else deal.remainder_ticket or deal.position_ticket,
            )
        )

    def is_empty(self) -> bool:
        return self._cursor == self._began and not self._fills

    def record(self) -> Scanned:
        return Scanned(
            cursor=self._cursor,
            executions=self._executions,
            balances=self._balances,
            fills=self._fills,
        )
