"""Who takes part: leaders, followers with their rules and brokers. Drawn from the seed, at least four accounts."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from kopitra.domain.orders import MarginMode
from kopitra.domain.symbols import SymbolSpec
from kopitra.simulation.broker.profiles import (
    COMMENTS_CUT,
    COMMENTS_DROPPED,
    FOREX_WEEK,
    MT4,
    MT5,
    AccountTerms,
    BrokerProfile,
)
from kopitra.simulation.draws import SeededDraws
from kopitra_agent.settings import Role
from tests.simulation.scenario.correction_moves import asking
from tests.simulation.scenario.guards import GUARDS, guard_follower
from tests.simulation.scenario.leader_moves import one_of
from tests.simulation.stage.accounts import Party
from tests.simulation.stage.market import ALIASES, SPECS

if TYPE_CHECKING:
    from tests.simulation.stage.world import World

FIRST_LOGIN = 1_000
DEPOSIT = {"USD": Decimal(1_000_000), "JPY": Decimal(100_000_000)}
"""So much that margin is no matter; who is to run out of money is given little."""

RULES: tuple[dict[str, Any], ...] = (
    {"sizing": {"mode": "same_volume"}},
    {"sizing": {"mode": "same_volume"}, "remainder": "keep", "copyStopLoss": False},
    {"sizing": {"mode": "multiplier"}, "multiplier": "0.5"},
    {"sizing": {"mode": "multiplier"}, "multiplier": "3.33"},
    {"sizing": {"mode": "multiplier"}, "multiplier": "0.05", "forceMinVolume": True},
    {"sizing": {"mode": "fixed_volume", "volume": "0.17"}},
    {"sizing": {"mode": "same_volume"}, "copyPending": False},
    {"sizing": {"mode": "same_volume"}, "reverse": True},
    {"sizing": {"mode": "balance_ratio"}},
    {"sizing": {"mode": "equity_ratio"}, "leaderSilenceSeconds": 30},
    {"sizing": {"mode": "same_volume"}, "leaderSilenceSeconds": 30, "leaderSilenceCloseSeconds": 90},
    {"sizing": {"mode": "same_volume"}, "pendingPolicy": "cancel"},
    {"sizing": {"mode": "multiplier"}, "multiplier": "0.5", "delaySeconds": 2},
    {"sizing": {"mode": "same_volume"}, "onDrift": "alert"},
    {"sizing": {"mode": "same_volume"}, "manualClose": "reopen"},
    {"sizing": {"mode": "same_volume"}, "lateJoin": "sync_now"},
    {"sizing": {"mode": "same_volume"}, "sandbox": True},
    {"sizing": {"mode": "same_volume"}, "maxVolume": "0.30", "openTtlSeconds": 15},
)

PROFILES: tuple[BrokerProfile, ...] = (
    BrokerProfile(),
    MT5,
    MT4,
    COMMENTS_DROPPED,
    COMMENTS_CUT,
    msgspec.structs.replace(MT5, name="slow", latency_ms=(20, 900), sync_delay_ms=1500),
    msgspec.structs.replace(MT4, name="wide", spread_points=35),
)


GUARDED_PER_MILLE = 350
NETTING_PER_MILLE = 150
CHAINED_PER_MILLE = 200
RELAYING_PER_MILLE = 700
"""Of the chains: the others' groups copy nothing that their leader copies itself."""
CHAIN_GROUP = "group-chain"
OWN_GROUP = "group-own"
DELAYED_PER_MILLE = 400
"""Of middle accounts: what they copy is two seconds old when it is copied on."""
SHORT_LIVED_PER_MILLE = 600
SHORT_LIVED: dict[str, Any] = {"openTtlSeconds": 8}
"""How long an open may take to the end of a chain, from its first leader on: less than two hops with trouble take."""
OWN_GROUPS_PER_MILLE = 400
"""Beside a chain: a group of the same leader that copies only what is its own."""
SYNC_DELAYS_MS = (400, 2_000, 8_000)
"""How long a terminal shows an empty book after it has found its broker again."""


class Chain(msgspec.Struct, frozen=True):
    """A follower that leads another one; `relays`: whether its group has copies of copies."""

    middle: str
    end: str
    relays: bool

    @property
    def accounts(self) -> tuple[str, str]:
        return self.middle, self.end


class Cast(msgspec.Struct, frozen=True):
    leaders: tuple[str, ...]
    followers: tuple[str, ...]
    chain: Chain | None = None

    @property
    def everybody(self) -> tuple[str, ...]:
        return (*self.leaders, *self.followers)

    def hedges(self, name: str) -> bool:
        """Whether an account must: leaders, and whoever is part of the chain."""
        return name in self.leaders or (self.chain is not None and name in self.chain.accounts)

    def role_of(self, name: str) -> Role:
        if name in self.leaders:
            return Role.LEADER
        return Role.BOTH if self.chain is not None and name == self.chain.middle else Role.FOLLOWER


def drawn_cast(draws: SeededDraws) -> Cast:
    leaders = 2 if draws.chance(400) else 1
    followers = draws.between(3, 4)
    return Cast(
        tuple(f"leader-{number}" for number in range(1, leaders + 1)),
        tuple(f"follower-{number}" for number in range(1, followers + 1)),
        _chain(draws.named("chain")),
    )


def _chain(draws: SeededDraws) -> Chain | None:
    if not draws.chance(CHAINED_PER_MILLE):
        return None
    return Chain("follower-1", "follower-2", relays=draws.chance(RELAYING_PER_MILLE))


def hours_of(draws: SeededDraws, profile: BrokerProfile) -> BrokerProfile:
    """Some brokers rest at the weekend; leaders' never do."""
    return msgspec.structs.replace(profile, sessions=FOREX_WEEK) if draws.chance(600) else profile


def symbols_of(draws: SeededDraws, profile: BrokerProfile) -> tuple[tuple[SymbolSpec, ...], BrokerProfile]:
    """A broker's own names and steps."""
    specs = tuple(SPECS.values())
    if draws.chance(250):
        coarse = one_of((Decimal("0.1"), Decimal("0.03")), draws)
        specs = tuple(msgspec.structs.replace(s, volume_min=coarse, volume_step=coarse) for s in specs)
    if draws.chance(400):
        profile = msgspec.structs.replace(profile, sync_delay_ms=one_of(SYNC_DELAYS_MS, draws))
    if draws.chance(200):
        specs = tuple(msgspec.structs.replace(s, contract_size=s.contract_size / 10) for s in specs)
    if draws.chance(300):
        profile = msgspec.structs.replace(profile, suffix=".m")
        specs = tuple(msgspec.structs.replace(s, symbol=s.symbol + ".m") for s in specs)
    elif draws.chance(400):
        specs += tuple(
            msgspec.structs.replace(s, symbol=ALIASES[s.symbol]) for s in specs if s.symbol in ALIASES
        )
    return specs, profile


def enter(world: "World", cast: Cast, draws: SeededDraws) -> None:
    """Open everybody's account."""
    for number, name in enumerate(cast.everybody):
        own = draws.named(name)
        leads = name in cast.leaders
        currency = "JPY" if not leads and own.chance(200) else "USD"
        nets = not cast.hedges(name) and own.named("mode").chance(NETTING_PER_MILLE)
        profile = BrokerProfile() if leads else one_of(PROFILES, own)
        if nets and profile.closes_keep_magic:
            profile = MT5  # MetaTrader 4 has no such accounts
        specs = tuple(SPECS.values())
        if not leads:
            specs, profile = symbols_of(own, hours_of(own, profile))
        mode = MarginMode.NETTING if nets else MarginMode.HEDGING
        terms = AccountTerms(login=FIRST_LOGIN + number, currency=currency, leverage=500, mode=mode)
        if nets:
            world.watch.facts.netting.add(name)
        party = Party(world, name, cast.role_of(name), terms, profile, specs)
        world.parties[name] = party
        party.deposit(DEPOSIT[currency])


def _rules(world: "World", follower: str, draws: SeededDraws) -> dict[str, Any]:
    """Stops of a net position would close what several copies hold: such accounts copy none here."""
    rules = asking(one_of(RULES, draws), draws.named(f"asking {follower}"))
    if world.parties[follower].role is Role.BOTH:
        delayed = {"delaySeconds": 2} if draws.named("delayed").chance(DELAYED_PER_MILLE) else {}
        return {**rules, **delayed, "sandbox": False}  # on paper nothing would be there to copy on
    if follower in world.watch.facts.netting:
        return {**rules, "copyStopLoss": False, "copyTakeProfit": False}
    return rules


async def configure(world: "World", cast: Cast, draws: SeededDraws) -> None:
    """A group for each leader; every follower in the first, some in the second as well; some with a guard."""
    for name in cast.everybody:
        await world.publish_account(name)
    for name in cast.followers:
        if draws.chance(GUARDED_PER_MILLE):
            await guard_follower(world, name, one_of(GUARDS, draws))
    for number, leader in enumerate(cast.leaders, 1):
        group = f"group-{number}"
        world.groups[group] = (leader,)
        world.leaders.add(leader)
        await world.publish_group(group)
        for follower in cast.followers:
            if number > 1 and not draws.chance(600):
                continue
            await _subscribe(world, f"sub-{follower}-{number}", group, follower, draws)
    if cast.chain is not None:
        await _configure_chain(world, cast.chain, cast.followers[-1], draws.named("chain"))


async def _configure_chain(world: "World", chain: Chain, last: str, draws: SeededDraws) -> None:
    """A group that the middle account leads; its follower follows the first leader as well. `last`: who may be in a
    second one, for the middle account's own trades."""
    world.leaders.add(chain.middle)
    if chain.relays:
        world.relaying.add(CHAIN_GROUP)
    groups = {CHAIN_GROUP: chain.end}
    if draws.chance(OWN_GROUPS_PER_MILLE):
        groups[OWN_GROUP] = last
    for group, follower in groups.items():
        world.groups[group] = (chain.middle,)
        await world.publish_group(group)
        short = SHORT_LIVED if draws.chance(SHORT_LIVED_PER_MILLE) else {}
        await _subscribe(world, f"sub-{follower}-{group}", group, follower, draws, **short)


async def _subscribe(
    world: "World",
    name: str,
    group: str,
    follower: str,
    draws: SeededDraws,
    **changes: Any,
) -> None:
    world.follower_of[name] = follower
    await world.publish(
        {
            "kind": "subscription",
            "subscription": name,
            "group": group,
            "follower": follower,
            "rules": {**_rules(world, follower, draws), **changes},
        }
    )
