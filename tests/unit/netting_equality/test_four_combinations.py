"""Leaders and followers, hedging and netting in every combination, against a book that shares nothing with them."""

from decimal import Decimal
from random import Random

import pytest

from kopitra.domain.identifiers import AccountId, PositionRef, SignalId
from kopitra.domain.orders import Side
from kopitra.domain.rules import CopyRules
from kopitra.domain.sizing_modes import ByMultiplier
from kopitra.domain.trading import AckStatus, LeaderFigures, Order, OrderAction, Signal, SignalAction
from kopitra.machine import commands
from tests.unit.copying.net_desk import REDUCES, Desk
from tests.unit.copying.world import GROUP, LEADER, TENANT, World, lots
from tests.unit.netting_equality.book import ReferenceBook

A = SignalAction
HISTORIES = 200
EVENTS = 24
OTHER = AccountId("other-leader")
ZERO = Decimal(0)


class UnreliableDesk(Desk):
    """Now and then a close is refused, or its fate is unknown, whether it was carried out or not."""

    def __init__(
        self, world: World, account: AccountId, draws: Random, *, netting: bool, trouble: float
    ) -> None:
        super().__init__(world, account, netting=netting)
        self.draws = draws
        self.trouble = trouble
        self.troubled = False

    def carry_out(self, order: Order, waiting: list[Order] | None = None) -> None:
        if order.action not in REDUCES or self.draws.random() >= self.trouble:
            super().carry_out(order, waiting)
            return
        self.troubled = True
        if (
            order.action is OrderAction.OFFSET
            and self.expects(order, waiting or [])
            and self.draws.random() < 0.5
        ):
            if self.draws.random() < 0.5:
                self.trade(order, order.volume, tell=False)
            self.world.ack(self.account, order, AckStatus.UNKNOWN, reason="not_found")
        else:
            self.world.ack(self.account, order, AckStatus.REJECTED)


class Leading:
    """One leader's account, trading at random in one symbol."""

    def __init__(self, history: "History", account: AccountId, *, nets: bool) -> None:
        self.history = history
        self.account = account
        self.nets = nets
        self.open: dict[str, tuple[Side, Decimal]] = {}
        self.opened = 0

    def act(self) -> None:
        draws = self.history.draws
        volume = Decimal(draws.randint(1, 120)) / 100
        if not self.open or (not self.nets and len(self.open) < 4 and draws.random() < 0.4):
            self.opened += 1
            self._say(A.OPEN, f"p{self.opened}", draws.choice(list(Side)), volume, ZERO)
            return
        ref = draws.choice(list(self.open))
        side, held = self.open[ref]
        action = draws.choice([A.INCREASE, A.INCREASE, A.PARTIAL_CLOSE, A.PARTIAL_CLOSE, A.REVERSE, A.CLOSE])
        if not self.nets and action in (A.INCREASE, A.REVERSE):
            action = A.PARTIAL_CLOSE
        if action is A.PARTIAL_CLOSE and volume >= held:
            action = A.CLOSE
        self._say(action, ref, side.opposite if action is A.REVERSE else side, volume, held)

    def _say(self, action: SignalAction, ref: str, side: Side, volume: Decimal, held: Decimal) -> None:
        book, name = self.history.book, str(self.account)
        after = ZERO
        match action:
            case A.OPEN:
                book.open(name, ref, side.value, volume)
                after = volume
            case A.INCREASE:
                book.add(name, ref, volume)
                after = held + volume
            case A.PARTIAL_CLOSE:
                book.take_off(name, ref, volume)
                after = held - volume
            case A.REVERSE:
                book.turn(name, ref, volume)
                after, volume = volume, held + volume
            case _:
                book.close(name, ref)
                volume = held
        if after:
            self.open[ref] = (side, after)
        else:
            del self.open[ref]
        self.history.send(self.account, action, ref, side, volume, held, after)


class History:
    def __init__(self, seed: int, *, leaders_net: bool, follower_nets: bool, trouble: float = 0.12) -> None:
        self.draws = Random(f"{seed}-{leaders_net}-{follower_nets}")
        self.world = World()
        multiplier = self.draws.choice([lots(1), lots("0.5"), lots("0.37"), lots("2.13"), lots("0.05")])
        self.book = ReferenceBook(multiplier, nets=follower_nets)
        self.world.account(OTHER)
        self.world.do(commands.PublishGroup(group=GROUP, tenant=TENANT, revision=90, leaders=(LEADER, OTHER)))
        rules = CopyRules(sizing=ByMultiplier(), multiplier=multiplier)
        account = self.world.follower("follower", rules)
        self.desk = UnreliableDesk(self.world, account, self.draws, netting=follower_nets, trouble=trouble)
        self.leaders = [Leading(self, name, nets=leaders_net) for name in (LEADER, OTHER)]
        self._deal = 0

    def send(
        self,
        account: AccountId,
        action: SignalAction,
        ref: str,
        side: Side,
        volume: Decimal,
        before: Decimal,
        after: Decimal,
    ) -> None:
        self._deal += 1
        signal = Signal(
            signal_id=SignalId(f"s{self._deal}"),
            action=action,
            position_ref=PositionRef(ref),
            symbol="EURUSD",
            side=side,
            volume=volume,
            volume_before=before,
            volume_after=after,
            price=lots("1.1"),
            deal_id=self._deal,
            account=LeaderFigures(balance=lots(10000), currency="USD"),
            occurred_at=self.world.now,
            stream_id=f"stream-{account}",
            ordinal=self._deal,
        )
        self.world.do(commands.TakeSignal(account=account, signal=signal))

    def step(self) -> None:
        for _ in range(self.draws.choice([1, 1, 2, 3])):
            self.draws.choice(self.leaders).act()
        self.desk.work()
        if self.desk.troubled:
            self.desk.troubled = False
            self.settle()
        if self.book.nets and self.draws.random() < 0.2:
            self.settle()
            side, volume = self.draws.choice(list(Side)), Decimal(self.draws.randint(1, 150)) / 100
            self.desk.by_hand(side, str(volume), tell=self.draws.random() < 0.8)
            self.book.by_hand(side.value, volume)
            self.settle()

    def settle(self) -> None:
        """Until nothing is under way, in doubt, or with an operator."""
        for _ in range(4):
            self.desk.settle(60)
            account = self.world.state.accounts[self.desk.account]
            if not account.proposals:
                return
            for proposal in list(account.proposals):
                self.world.do(
                    commands.DecideProposal(
                        account=self.desk.account, proposal=proposal, approve=True, subject="ada"
                    )
                )

    def check(self) -> None:
        held = sorted((side.value, volume) for side, volume in self.desk.held() if volume)
        assert held == sorted(self.book.held())
        assert self.desk.exposure == self.book.exposure()
        if self.book.nets:
            assert self.desk.manual() == self.book.manual


@pytest.mark.parametrize("follower_nets", [False, True])
@pytest.mark.parametrize("leaders_net", [False, True])
def test_every_history_ends_in_the_book_of_the_rules(leaders_net: bool, follower_nets: bool) -> None:
    for seed in range(HISTORIES):
        history = History(seed, leaders_net=leaders_net, follower_nets=follower_nets)
        for _ in range(EVENTS):
            history.step()
            if history.draws.random() < 0.3:
                history.settle()
                history.check()
        history.settle()
        history.check()


def test_closing_everything_leaves_nothing_but_the_owners_volume() -> None:
    for seed in range(40):
        history = History(seed, leaders_net=True, follower_nets=True)
        for _ in range(10):
            history.step()
        history.settle()
        for leader in history.leaders:
            for ref, (side, held) in list(leader.open.items()):
                history.book.close(str(leader.account), ref)
                history.send(leader.account, A.CLOSE, ref, side, held, held, ZERO)
        history.settle()
        history.check()
        assert history.desk.exposure == history.book.manual
