"""A follower's broker and EA as far as reconciliation sees them: positions, what people do to them, and snapshots."""

from decimal import Decimal
from typing import Any

import msgspec

from kopitra.domain.identifiers import AccountId, DeviceId, SessionId
from kopitra.domain.orders import DealEntry, DealReason, OrderType
from kopitra.domain.telemetry import HeldPosition
from kopitra.domain.trading import AckStatus, Order, OrderAction
from kopitra.machine import commands
from kopitra.machine.events import CorrectionProposed, Proposal
from kopitra.machine.leases import renew
from kopitra.machine.outcome import Decision
from kopitra.machine.state import Copy
from tests.unit.copying.world import World, lots

FIRST_TICKET = 7_000


def sign_in(world: World, account: AccountId) -> None:
    """A session of the account, as an enrolled EA opens it."""
    known = world.state.accounts[account]
    code = f"code-{account}-{world.state.sequence}"
    world.do(
        commands.PublishAccount(
            account=account, tenant=known.tenant, revision=known.revision + 1, enrolment_code_hash=code
        )
    )
    world.do(commands.Enrol(code_hash=code, device=DeviceId("pc"), secret_hash="hash"))
    world.do(
        commands.OpenSession(
            account=account,
            session=SessionId(f"session-{account}-{world.state.sequence}"),
            device=DeviceId("pc"),
            nonce="n",
            token_hash="t",
            key_id="k",
        )
    )
    in_touch(world, account)


def in_touch(world: World, *accounts: AccountId) -> None:
    """Their EAs call: leases are renewed and nobody counts as silent."""
    for account in accounts:
        session = world.state.accounts[account].session
        world.readings.contacts[account] = world.now
        if session is not None:
            renew(account, session, world.readings, world.now)


class Terminal:
    """Does what commands ask, at once and completely. `refuses`: actions that its broker rejects."""

    def __init__(self, world: World, account: AccountId) -> None:
        self.world = world
        self.account = account
        self.positions: dict[int, HeldPosition] = {}
        self.refuses: set[OrderAction] = set()
        self.silent_deals = False
        """Deals happen and are never told."""
        self._tickets = FIRST_TICKET

    # -- what people and brokers do ------------------------------------------------------------------------------------

    def open_by_hand(self, volume: str, **changes: Any) -> HeldPosition:
        self._tickets += 1
        held = self.world.held(self._tickets, volume, **changes)
        self.positions[held.ticket] = held
        return held

    def close_by_hand(
        self, copy: Copy, reason: DealReason = DealReason.CLIENT, volume: str | None = None
    ) -> None:
        held = self.position_of(copy)
        taken = lots(volume) if volume is not None else held.volume
        self._take(held, taken)
        if not self.silent_deals:
            self._tell(None, DealEntry.OUT, taken, held.position_id, reason)

    def change(self, copy: Copy, **changes: Any) -> None:
        held = self.position_of(copy)
        self.positions[held.ticket] = msgspec.structs.replace(held, **changes)

    def position_of(self, copy: Copy) -> HeldPosition:
        return next(
            held
            for held in self.positions.values()
            if held.position_id == copy.position_id or held.magic == copy.magic
        )

    # -- what its EA does ----------------------------------------------------------------------------------------------

    def obey(self) -> list[Order]:
        """Carry out everything that is pending, until nothing is; what was done."""
        done: list[Order] = []
        while orders := self.world.fetch(self.account):
            for order in orders:
                if order.command_id in self.world.state.accounts[self.account].commands:
                    self._carry_out(order)
                    done.append(order)
        return done

    def show(self, **changes: Any) -> Decision:
        return self.world.snapshot(self.account, *self.positions.values(), **changes)

    def show_twice(self) -> None:
        """Two snapshots that agree."""
        self.show()
        self.world.later(6)
        self.show()

    def _carry_out(self, order: Order) -> None:
        world = self.world
        if order.action in self.refuses:
            world.ack(self.account, order, AckStatus.REJECTED, retcode=10016)
            return
        held = self._subject(order)
        match order.action:
            case OrderAction.OPEN:
                self._tickets += 1
                self.positions[self._tickets] = self._opened(order)
                if order.order_type is OrderType.MARKET:
                    self._tell(order, DealEntry.IN, order.volume, self._tickets)
            case _ if held is None:
                world.ack(self.account, order, AckStatus.ALREADY_CLOSED)
                return
            case OrderAction.MODIFY:
                self.positions[held.ticket] = msgspec.structs.replace(
                    held,
                    stop_loss=order.stop_loss,
                    take_profit=order.take_profit,
                    price=order.price or held.price,
                )
            case _:
                target = order.target_volume or Decimal(0)
                excess = max(Decimal(0), held.volume - target)
                if excess:
                    self._take(held, excess)
                    self._tell(order, DealEntry.OUT, excess, held.position_id)
        world.ack(self.account, order)

    def _opened(self, order: Order) -> HeldPosition:
        return self.world.held(
            self._tickets,
            str(order.volume),
            magic=order.magic,
            symbol=order.symbol,
            side=order.side,
            order_type=order.order_type,
            price=order.price or lots("1.10000"),
            stop_loss=order.stop_loss,
            take_profit=order.take_profit,
        )

    def _subject(self, order: Order) -> HeldPosition | None:
        for held in self.positions.values():
            if (
                held.magic == order.magic
                or held.position_id == order.position_id
                or held.ticket == order.ticket
            ):
                return held
        return None

    def _take(self, held: HeldPosition, volume: Decimal) -> None:
        if volume >= held.volume:
            del self.positions[held.ticket]
        else:
            self.positions[held.ticket] = msgspec.structs.replace(held, volume=held.volume - volume)

    def _tell(
        self,
        order: Order | None,
        entry: DealEntry,
        volume: Decimal,
        position: int,
        reason: DealReason = DealReason.EXPERT,
    ) -> None:
        if not self.silent_deals or entry is DealEntry.IN:
            self.world.deal(self.account, order, entry, volume, position, reason)


def proposals(world: World, account: AccountId) -> list[Proposal]:
    return list(world.state.accounts[account].proposals.values())


def proposed(world: World) -> list[Proposal]:
    """All that were ever made."""
    return [event.proposal for event in world.history if isinstance(event, CorrectionProposed)]
