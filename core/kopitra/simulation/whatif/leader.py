"""The leader: its history replayed at a broker of its own with the history's own figures, and told as signals."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from kopitra.domain.identifiers import PositionRef, SignalId
from kopitra.domain.orders import OrderType
from kopitra.domain.quantities import ZERO
from kopitra.domain.quotes import Quote
from kopitra.domain.symbols import SymbolSpec
from kopitra.domain.trading import LeaderFigures, Signal, SignalAction
from kopitra.simulation.broker.operations import Balance, HandTrade, Prices
from kopitra.simulation.broker.records import AccountView, DealKind
from kopitra.simulation.broker.retcodes import Retcode
from kopitra.simulation.leader_hand import Tickets, exactly, reason_of
from kopitra.simulation.timeline import Action, TimelineEvent
from kopitra.simulation.whatif.accounts import leader_broker
from kopitra.simulation.whatif.curves import Curve

STREAM = "history"
CASH = {"deposit": DealKind.DEPOSIT, "withdrawal": DealKind.WITHDRAWAL, "credit": DealKind.CREDIT}


class Leader:
    def __init__(
        self,
        specs: Sequence[SymbolSpec],
        currency: str,
        leverage: int,
        opening_balance: Decimal,
        curve: Curve,
        at: datetime,
        feed: str | None,
    ) -> None:
        self.broker = leader_broker(specs, currency, leverage, at)
        self.curve = curve
        self.feed = feed
        self.currency = currency
        self.refused: list[str] = []
        """Events of the history that its broker could not make happen."""
        self._unshown: dict[str, Quote] = {}
        self._tickets = Tickets()
        self._ordinal = 0
        if opening_balance:
            self._pay(at, DealKind.DEPOSIT, opening_balance, "")

    def show(self, quotes: Sequence[Quote]) -> None:
        """New prices. They set nothing off, so its broker hears of them when it is next asked."""
        self._unshown.update((quote.symbol, quote) for quote in quotes)

    def move_money(self, event: TimelineEvent) -> None:
        assert event.amount is not None, "a balance operation has an amount"
        assert event.cash is not None, "and a kind"
        self._pay(event.at, CASH[event.cash], event.amount, event.comment)

    def trade(self, event: TimelineEvent) -> bool:
        """Make it happen; whether it did."""
        self._catch_up(event.at)
        try:
            request = self._tickets.request_for(event)
        except KeyError:
            self.refused.append(f"{event.action} of {event.position_ref}, which was never opened")
            return False
        result = self.broker.apply(
            HandTrade(at=event.at, request=request, reason=reason_of(event), exact=exactly(event))
        )
        if getattr(result, "done", False):
            self._tickets.note(event, result)  # type: ignore[arg-type]
            return True
        retcode = getattr(result, "retcode", None)
        if retcode != Retcode.NO_CHANGES:
            self.refused.append(f"{event.action} of {event.position_ref}: {getattr(result, 'message', '')}")
        return False

    def signal(self, event: TimelineEvent, view: AccountView) -> Signal:
        """The event as the leader's EA sends it, with the account's figures after it."""
        assert event.side is not None, "a trade has a side"
        assert event.volume is not None, "and a volume"
        self._ordinal += 1
        ref = PositionRef(event.position_ref)
        order = event.order_type is not OrderType.MARKET or event.action is Action.PENDING_FILLED
        return Signal(
            signal_id=SignalId(f"{STREAM}-{self._ordinal}"),
            action=SignalAction(event.action.value),
            position_ref=ref,
            order_ref=ref if order else None,
            symbol=event.symbol,
            side=event.side,
            order_type=event.order_type,
            volume=event.volume,
            volume_before=event.volume_before,
            volume_after=event.volume_after if event.volume_after is not None else ZERO,
            price=event.price,
            stop_loss=event.stop_loss,
            take_profit=event.take_profit,
            magic=event.magic,
            reason=reason_of(event),
            account=LeaderFigures(
                balance=view.balance,
                currency=self.currency,
                equity=view.equity,
                free_margin=view.free_margin,
            ),
            occurred_at=event.at,
            stream_id=STREAM,
            ordinal=self._ordinal,
        )

    def look(self, at: datetime) -> AccountView:
        self._catch_up(at)
        view = self.broker.account_view()
        self.curve.note(at, view.balance, view.equity)
        return view

    def _catch_up(self, at: datetime) -> None:
        if self._unshown:
            self.broker.apply(Prices(at=at, quotes=tuple(self._unshown.values())))
            self._unshown.clear()

    def _pay(self, at: datetime, kind: DealKind, amount: Decimal, comment: str) -> None:
        self.curve.flow(at, amount)
        self.broker.apply(Balance(at=at, kind=kind, amount=amount, comment=comment))
