"""Who plays in the demonstration: one leader and five followers that differ in everything that sizing depends on."""

from decimal import Decimal

import msgspec

from kopitra.domain.catalogues import Catalogue
from kopitra.domain.identifiers import AccountId, SubscriptionId
from kopitra.domain.mapping import Mapped, map_symbol
from kopitra.domain.quantities import ZERO
from kopitra.domain.rules import CopyRules
from kopitra.domain.sizing_modes import BalanceRatio, ByMultiplier, FixedVolume, SameVolume
from kopitra.domain.symbol_names import squeezed
from kopitra.domain.symbols import SymbolSpec
from kopitra.simulation.broker.profiles import MT4, MT5, AccountTerms, BrokerProfile
from kopitra.simulation.histories.specs import UNKNOWN_CURRENCY, specs_for
from kopitra.simulation.timeline import Action, Timeline
from kopitra_cli.demo.conversion import Conversion, conversion_between, fallback_rates

LEADER = AccountId("leader")
RATIO_OF_BALANCES = Decimal(3)
"""The ratio follower begins with about three times the leader's money."""
FIXED_VOLUME = Decimal("0.05")
COARSE_STEP = Decimal("0.1")
COARSE_MULTIPLIER = Decimal(7)
"""0.01 lots become 0.07, which the coarse step rounds to nothing; 0.02 become 0.1."""
SMALL_MULTIPLIER = Decimal("0.5")
"""0.01 lots become half the smallest volume."""
AMPLE = Decimal(20)
"""Followers whose size does not depend on their balance have so many times the leader's money: none is ever refused
for lack of it."""
LEAST_DEPOSIT = Decimal(10_000)
LEVERAGE = 500
WIDE_SPREAD_POINTS = 30
"""Beyond every spread of the made-up market, and below the distance that its leader keeps: this follower's stops are
hit, and its orders filled, at other times than the leader's."""
SUFFIX = ".m"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One account at its own simulated broker. `names` are its broker's symbols by the leader's."""

    account: AccountId
    terms: AccountTerms
    profile: BrokerProfile
    deposit: Decimal
    specs: tuple[SymbolSpec, ...]
    names: dict[str, str]

    @property
    def login(self) -> int:
        return self.terms.login


class Follower(msgspec.Struct, frozen=True, kw_only=True):
    at: Account
    subscription: SubscriptionId
    rules: CopyRules
    about: str
    """What is special about it, in a few words."""
    joins_late: bool = False

    @property
    def account(self) -> AccountId:
        return self.at.account


class Cast(msgspec.Struct, frozen=True, kw_only=True):
    leader: Account
    followers: tuple[Follower, ...]
    conversion: Conversion | None
    """A quoted pair that the ratio follower needs and the history does not have."""

    @property
    def accounts(self) -> tuple[Account, ...]:
        return (self.leader, *(follower.at for follower in self.followers))


def cast_for(timeline: Timeline) -> Cast:
    """Accounts that can trade everything in the timeline, and never run out of money doing it."""
    return _Casting(timeline).cast()


class _Casting:
    def __init__(self, timeline: Timeline) -> None:
        self._specs = specs_for(timeline).specs
        self._currency = timeline.account.currency or UNKNOWN_CURRENCY
        self._leverage = timeline.account.leverage or LEVERAGE
        self._opening = timeline.account.opening_balance
        self._money = max(LEAST_DEPOSIT, self._opening + _paid_in(timeline))
        self._made_up = timeline.source == "generated"

    def cast(self) -> Cast:
        ratio, conversion = self._ratio()
        leader = Account(
            account=LEADER,
            terms=self._terms(1001, self._currency, self._leverage),
            profile=msgspec.structs.replace(MT4, triggers=False, stop_out_percent=None),
            deposit=self._opening,
            specs=self._specs,
            names={spec.symbol: spec.symbol for spec in self._specs},
        )
        followers = (ratio, self._fixed(), self._suffixed(), self._small(), self._late())
        return Cast(leader=leader, followers=followers, conversion=conversion)

    def _ratio(self) -> tuple[Follower, Conversion | None]:
        currency = "USD" if self._currency == "EUR" else "EUR"
        conversion = conversion_between(currency, self._currency, self._specs)
        at = self._account("ratio", 2001, currency=currency)
        if conversion.spec is not None:
            symbol = conversion.spec.symbol
            at = msgspec.structs.replace(
                at, specs=(*at.specs, conversion.spec), names=at.names | {symbol: symbol}
            )
        at = msgspec.structs.replace(at, deposit=_money(self._money * RATIO_OF_BALANCES / conversion.rate))
        about = f"balance ratio, account in {currency}"
        follower = _follower(at, CopyRules(sizing=BalanceRatio()), about)
        return follower, conversion if conversion.spec is not None else None

    def _fixed(self) -> Follower:
        profile = BrokerProfile(name="wide") if self._made_up else MT5
        if self._made_up:
            profile = msgspec.structs.replace(profile, spread_points=WIDE_SPREAD_POINTS)
        at = self._account("fixed", 2002, profile=profile)
        about = f"fixed {FIXED_VOLUME} lots" + (", wider spread" if self._made_up else "")
        return _follower(at, CopyRules(sizing=FixedVolume(volume=FIXED_VOLUME)), about)

    def _suffixed(self) -> Follower:
        names = _suffixed_names(self._specs)
        coarse = tuple(
            msgspec.structs.replace(
                spec, symbol=names[spec.symbol], volume_min=COARSE_STEP, volume_step=COARSE_STEP
            )
            for spec in self._specs
        )
        at = self._account("suffix", 2003, specs=coarse, names=names, profile=MT4)
        rules = CopyRules(
            sizing=ByMultiplier(),
            multiplier=COARSE_MULTIPLIER,
            symbols=_undiscovered(self._specs, coarse, names),
        )
        return _follower(at, rules, f"EURUSD{SUFFIX}, steps of {COARSE_STEP}, {COARSE_MULTIPLIER} times")

    def _small(self) -> Follower:
        at = self._account("small", 2004)
        rules = CopyRules(sizing=ByMultiplier(), multiplier=SMALL_MULTIPLIER)
        return _follower(at, rules, f"{SMALL_MULTIPLIER} times: small trades are skipped")

    def _late(self) -> Follower:
        at = self._account("late", 2005)
        return _follower(at, CopyRules(sizing=SameVolume()), "same volume, joins halfway", joins_late=True)

    def _account(
        self,
        name: str,
        login: int,
        *,
        currency: str | None = None,
        specs: tuple[SymbolSpec, ...] | None = None,
        names: dict[str, str] | None = None,
        profile: BrokerProfile = MT5,
    ) -> Account:
        currency = currency or self._currency
        specs = specs or self._specs
        profit_currencies = {spec.profit_currency for spec in specs}
        return Account(
            account=AccountId(name),
            terms=self._terms(login, currency, LEVERAGE),
            profile=msgspec.structs.replace(
                profile, stop_out_percent=None, fallback_rates=fallback_rates(profit_currencies, currency)
            ),
            deposit=self._money * AMPLE,
            specs=specs,
            names=names or {spec.symbol: spec.symbol for spec in specs},
        )

    def _terms(self, login: int, currency: str, leverage: int) -> AccountTerms:
        return AccountTerms(login=login, server=f"Demo-{login}", currency=currency, leverage=leverage)


def _follower(at: Account, rules: CopyRules, about: str, *, joins_late: bool = False) -> Follower:
    subscription = SubscriptionId(f"{at.account}-of-{LEADER}")
    return Follower(at=at, subscription=subscription, rules=rules, about=about, joins_late=joins_late)


def _paid_in(timeline: Timeline) -> Decimal:
    amounts = [event.amount for event in timeline.events if event.action is Action.BALANCE and event.amount]
    return sum((amount for amount in amounts if amount > ZERO), ZERO)


def _money(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal(1))


def _suffixed_names(specs: tuple[SymbolSpec, ...]) -> dict[str, str]:
    """ "eurusd." → "EURUSD.m"; where two of the leader's names would become one, they stay as they are."""
    plain = [squeezed(spec.symbol) for spec in specs]
    return {
        spec.symbol: (name if plain.count(name) == 1 else spec.symbol) + SUFFIX
        for spec, name in zip(specs, plain, strict=True)
    }


def _undiscovered(
    ours: tuple[SymbolSpec, ...], theirs: tuple[SymbolSpec, ...], names: dict[str, str]
) -> dict[str, str]:
    """An explicit mapping for what discovery would not find by itself."""
    catalogue, rules = Catalogue(theirs), CopyRules(sizing=ByMultiplier())
    explicit: dict[str, str] = {}
    for spec in ours:
        found = map_symbol(rules, spec, catalogue)
        if not isinstance(found, Mapped) or found.symbol != names[spec.symbol]:
            explicit[spec.symbol] = names[spec.symbol]
    return explicit
