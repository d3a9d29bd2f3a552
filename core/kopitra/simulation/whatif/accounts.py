"""Accounts at simulated brokers: how one is opened, and what all of them have."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.orders import MarginMode
from kopitra.domain.symbols import SymbolSpec
from kopitra.domain.telemetry import AccountSnapshot
from kopitra.simulation.broker.broker import SimulatedBroker
from kopitra.simulation.broker.faults import FaultPlan, FaultRates
from kopitra.simulation.broker.operations import Balance
from kopitra.simulation.broker.profiles import MT4, MT5, AccountTerms, BrokerProfile
from kopitra.simulation.broker.records import AccountView, DealKind
from kopitra.simulation.broker.state import new_account
from kopitra.simulation.whatif.plan import FollowerPlan

LEADER_LOGIN = 1001
FOLLOWER_LOGIN = 2001
"""Of all followers, each at a broker of its own: draws go by the login, so equal followers have equal luck."""
WHOLE_UNITS = frozenset({"JPY", "KRW"})
"""Currencies that accounts are kept in without decimals."""
CENTS = 2


def leader_broker(specs: Sequence[SymbolSpec], currency: str, leverage: int, at: datetime) -> SimulatedBroker:
    """Nothing fires by itself: the history says it all."""
    terms = _terms(LEADER_LOGIN, currency, leverage, MarginMode.HEDGING)
    profile = msgspec.structs.replace(MT4, triggers=False, stop_out_percent=None)
    return SimulatedBroker(new_account(terms, profile, tuple(specs), at))


def follower_broker(plan: FollowerPlan, specs: Sequence[SymbolSpec], at: datetime) -> SimulatedBroker:
    """As the plan describes it, with its deposit paid in."""
    terms = _terms(FOLLOWER_LOGIN, plan.currency, plan.broker.leverage, plan.broker.mode)
    state = new_account(terms, _profile(plan), tuple(specs), at)
    if plan.broker.partial_fills_per_mille:
        state.faults = FaultPlan(
            rates=FaultRates(seed=FOLLOWER_LOGIN, partial=plan.broker.partial_fills_per_mille)
        )
    broker = SimulatedBroker(state)
    broker.apply(Balance(at=at, kind=DealKind.DEPOSIT, amount=plan.deposit))
    return broker


def snapshot_of(view: AccountView) -> AccountSnapshot:
    """What an EA reports of its account."""
    return AccountSnapshot(
        login=view.login,
        server=view.server,
        balance=view.balance,
        currency=view.currency,
        equity=view.equity,
        margin=view.margin,
        free_margin=view.free_margin,
        leverage=view.leverage,
        mode=view.mode,
    )


def money_places(currency: str) -> Decimal:
    """The smallest unit of an account in this currency."""
    return Decimal(1) if currency in WHOLE_UNITS else Decimal(1).scaleb(-CENTS)


def _terms(login: int, currency: str, leverage: int, mode: MarginMode) -> AccountTerms:
    return AccountTerms(
        login=login,
        currency=currency,
        leverage=leverage,
        mode=mode,
        money_digits=0 if currency in WHOLE_UNITS else CENTS,
    )


def _profile(plan: FollowerPlan) -> BrokerProfile:
    broker = plan.broker
    return msgspec.structs.replace(
        MT4 if broker.platform == "mt4" else MT5,
        suffix=broker.suffix,
        slippage_points=broker.slippage_points,
        commission_per_lot=broker.commission_per_lot,
        swap_long_per_lot=broker.swap_long_per_lot,
        swap_short_per_lot=broker.swap_short_per_lot,
        stop_out_percent=broker.stop_out_percent,
    )
