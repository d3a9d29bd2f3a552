"""Whatever happens in whatever order: no guard is exceeded by more than what was on its way when it was hit."""

from collections.abc import Callable
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from kopitra.domain.identifiers import AccountId, SubscriptionId
from kopitra.domain.orders import DealEntry, DealReason
from kopitra.domain.rules import CopyRules
from kopitra.domain.settings import layer_of
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.trading import OrderAction, SignalAction
from kopitra.machine import commands
from kopitra.machine.decisions.identity import is_own_magic
from kopitra.machine.events import CopyPlanned
from kopitra.machine.state import Copy
from kopitra.machine.state_codec import decode_state, encode_state
from tests.unit.copying.guarded import GuardedWorld, daily_loss, gate, trailing
from tests.unit.copying.world import GROUP, TENANT, lots

MOST_POSITIONS = 4
MOST_LOTS = Decimal("2.5")
MOST_IN_GROUP = 6
FOLLOWERS = ("one", "other")
START = Decimal(10000)


class Wild:
    """Two followers, one of them with two subscriptions, and everything that can happen to them."""

    def __init__(self) -> None:
        self.world = world = GuardedWorld()
        self.accounts = [world.follower(name) for name in FOLLOWERS]
        world.do(
            commands.PublishSubscription(
                subscription=SubscriptionId("second"),
                tenant=TENANT,
                revision=900,
                group=GROUP,
                follower=self.accounts[0],
                rules=layer_of(CopyRules(sizing=SameVolume())),
            )
        )
        world.guard_platform(daily_loss(), trailing(action="flatten"))
        world.guard_group(gate("open_positions", "count", str(MOST_IN_GROUP), each=False))
        for account in self.accounts:
            world.guard(
                gate("open_positions", "count", str(MOST_POSITIONS)),
                gate("symbol_exposure", "lots", str(MOST_LOTS)),
                target=account,
            )
            world.tell(account, START)
        self.opened = 0
        self.position = 100

    def live(self, account: AccountId) -> list[Copy]:
        return [c for c in self.world.state.accounts[account].following.copies.values() if c.live]

    def step(self, kind: int, number: int) -> None:
        steps: list[Callable[[int], None]] = [
            self.open,
            self.open,
            self.open,
            self.close,
            self.fetch_and_fill,
            self.fetch_and_fill,
            self.equity,
            self.equity,
            self.stop_out,
            self.wait,
            self.restart,
        ]
        steps[kind % len(steps)](number)

    def open(self, number: int) -> None:
        self.opened += 1
        self.world.send(SignalAction.OPEN, f"p{self.opened}", volume=lots(1 + number % 150) / 100)

    def close(self, number: int) -> None:
        if self.opened:
            self.world.send(SignalAction.CLOSE, f"p{1 + number % self.opened}")

    def fetch_and_fill(self, number: int) -> None:
        account = self.accounts[number % 2]
        for order in self.world.fetch(account):
            self.position += 1
            if order.action is OrderAction.OPEN:
                self.world.fill(account, order, position=self.position)
            self.world.ack(account, order)

    def equity(self, number: int) -> None:
        account = self.accounts[number % 2]
        self.world.tell(account, START + 400 - (number * 37) % 1700)

    def stop_out(self, number: int) -> None:
        account = self.accounts[number % 2]
        for copy in self.live(account)[:1]:
            if copy.filled and copy.position_id is not None:
                self.world.deal(
                    account, None, DealEntry.OUT, copy.live_volume, copy.position_id, DealReason.STOP_LOSS
                )

    def wait(self, number: int) -> None:
        self.world.later(number % 50)
        for account in self.accounts:
            figures = self.world.readings.figures[account]
            self.world.tell(account, figures.equity or START)
        self.world.tick()

    def restart(self, number: int) -> None:
        self.world.state = decode_state(encode_state(self.world.state))

    def check(self) -> None:
        in_group = 0
        for account in self.accounts:
            live = self.live(account)
            in_group += len(live)
            assert len(live) <= MOST_POSITIONS
            assert sum(c.planned_volume for c in live) <= MOST_LOTS
            book = self.world.state.accounts[account]
            if book.guard_holds:
                opens = [o for o in self.world.outbox(account) if o.action is OrderAction.OPEN]
                delivered = self.world.readings.delivered.get(account, set())
                assert all(order.command_id in delivered for order in opens)
                assert all(is_own_magic(order.magic, book.following) for order in opens)
            if any(hold.action == "flatten" for hold in book.guard_holds.values()):
                assert all(copy.closing for copy in live)
        assert in_group <= MOST_IN_GROUP


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10_000)), max_size=60))
def test_guards_hold_whatever_happens(steps: list[tuple[int, int]]) -> None:
    wild = Wild()
    for kind, number in steps:
        halted = {a for a in wild.accounts if wild.world.state.accounts[a].guard_holds}
        seen = len(wild.world.history)
        wild.step(kind, number)
        wild.check()
        for event in wild.world.history[seen:]:
            if isinstance(event, CopyPlanned) and event.signal.action is SignalAction.OPEN:
                opened = {d.follower for d in event.decisions if d.order is not None}
                assert not opened & halted
