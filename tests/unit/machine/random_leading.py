"""What leaders in a random world do: open, add, reverse, close and place orders, mostly on what they have open."""

from decimal import Decimal

import msgspec

from kopitra.domain.identifiers import AccountId, PositionRef, SignalId
from kopitra.domain.orders import OrderType, Side
from kopitra.domain.trading import LeaderFigures, Signal, SignalAction
from kopitra.machine.commands import TakeSignal
from kopitra.machine.state import FIRST_MAGIC, LeaderPosition
from kopitra.simulation.draws import Draws
from tests.unit.machine.random_world import LEADERS, SYMBOLS, RandomWorld

LOGIN, SERVER, STREAM = 1, "Broker", "stream"
PENDING_ACTIONS = (
    SignalAction.PENDING_FILLED,
    SignalAction.PENDING_MODIFIED,
    SignalAction.PENDING_CANCELLED,
)
HEDGING_ACTIONS = (
    SignalAction.MODIFY,
    SignalAction.PARTIAL_CLOSE,
    SignalAction.PARTIAL_CLOSE,
    SignalAction.CLOSE,
    SignalAction.CLOSE,
    SignalAction.CLOSE_BY,
)
"""A leader without deal ids (MetaTrader 4) only ever hedges, so volumes only fall."""
NETTING_ACTIONS = (*HEDGING_ACTIONS, SignalAction.INCREASE, SignalAction.REVERSE)
NETTING = LEADERS[1]
DEALS = frozenset(NETTING_ACTIONS) - {SignalAction.MODIFY} | {SignalAction.OPEN, SignalAction.PENDING_FILLED}


class LeadingWorld(RandomWorld):
    def __init__(self, draws: Draws) -> None:
        super().__init__(draws)
        self.ordinals: dict[AccountId, int] = {}
        self.sent: list[tuple[AccountId, Signal]] = []

    def signal(self) -> None:
        choose = self.choose
        if self.sent and choose.once_in(6):
            account, signal = choose.one_of(self.sent)
        else:
            account = AccountId(choose.one_of(LEADERS))
            signal = self._intent(account)
            self.sent.append((account, signal))
        self.ask(TakeSignal(account=account, signal=signal, sandbox=choose.once_in(25)))

    def _intent(self, account: AccountId) -> Signal:
        choose = self.choose
        known = list(self.machine.state.accounts[account].leading.positions.values())
        if known and not choose.once_in(3):
            return self._later(account, choose.one_of(known))
        pending = choose.once_in(3)
        ref = PositionRef(f"{SERVER}:{LOGIN}:{'o' if pending else ''}{choose.below(40)}")
        if choose.once_in(10):  # of a position that nobody may know
            return self._made(account, choose.one_of(tuple(SignalAction)), ref, choose.lots())
        action = SignalAction.PENDING_PLACED if pending else SignalAction.OPEN
        return self._made(account, action, ref, choose.lots())

    def _later(self, account: AccountId, position: LeaderPosition) -> Signal:
        choose = self.choose
        actions = NETTING_ACTIONS if account == NETTING else HEDGING_ACTIONS
        action = choose.one_of(PENDING_ACTIONS if position.pending else actions)
        ref, order_ref = position.position_ref, None
        volume = position.volume
        match action:
            case SignalAction.PARTIAL_CLOSE | SignalAction.CLOSE_BY:
                after = Decimal(choose.below(int(position.volume * 100) + 1)) / 100
            case SignalAction.CLOSE | SignalAction.PENDING_CANCELLED:
                after = Decimal(0)
            case SignalAction.INCREASE:
                volume = choose.lots()
                after = position.volume + volume
            case SignalAction.REVERSE:
                after = choose.lots()
            case _:
                after = position.volume
        if action is SignalAction.PENDING_FILLED and choose.once_in(2):
            ref, order_ref = PositionRef(f"{SERVER}:{LOGIN}:{100 + self.fresh()}"), position.position_ref
        signal = self._made(account, action, ref, volume, after)
        return msgspec.structs.replace(
            signal, symbol=position.symbol, side=position.side, order_ref=order_ref
        )

    def _made(
        self,
        account: AccountId,
        action: SignalAction,
        ref: PositionRef,
        volume: Decimal,
        after: Decimal | None = None,
    ) -> Signal:
        choose, number = self.choose, self.fresh()
        resting = action in (SignalAction.PENDING_PLACED, *PENDING_ACTIONS)
        self.ordinals[account] = self.ordinals.get(account, 0) + (2 if choose.once_in(12) else 1)
        return Signal(
            signal_id=SignalId(f"g{number}"),
            action=action,
            position_ref=ref,
            symbol=choose.one_of((*SYMBOLS, "XAUUSD")) if choose.once_in(8) else SYMBOLS[0],
            side=choose.one_of(tuple(Side)),
            order_type=choose.one_of((OrderType.LIMIT, OrderType.STOP)) if resting else OrderType.MARKET,
            volume=volume,
            volume_after=volume if after is None else after,
            price=Decimal("1.1000") if resting or choose.once_in(2) else None,
            stop_loss=choose.one_of((None, Decimal("1.0000"), Decimal("1.0500"))),
            take_profit=choose.one_of((None, Decimal("1.2000"))),
            account=LeaderFigures(balance=Decimal(5000), currency="USD"),
            occurred_at=self.machine.now,
            stream_id=STREAM if not choose.once_in(60) else f"{STREAM}-{number}",
            ordinal=self.ordinals[account],
            age_ms=choose.one_of((0, 10, 70_000)) if choose.once_in(6) else 5,
            deal_id=number if account == NETTING and action in DEALS else None,
            magic=FIRST_MAGIC if choose.once_in(30) else 0,
        )
