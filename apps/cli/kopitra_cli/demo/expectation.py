"""What the oracle is told: the leader's events, a follower's rules, and what only the run knows: figures and facts."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any

import msgspec

from kopitra.domain.identifiers import PositionRef
from kopitra.domain.sizing_modes import FixedVolume, mode_of
from kopitra.simulation.timeline import Timeline
from kopitra_cli.demo.broker_story import BrokerStory
from kopitra_cli.demo.cast import Account, Follower
from kopitra_cli.demo.leader_story import LeaderStory
from kopitra_cli.demo.platform_record import Opening
from kopitra_cli.oracle import Expectation, expected

Facts = dict[str, dict[str, int]]


def expectation_for(
    timeline: Timeline,
    leader: Account,
    led: LeaderStory,
    follower: Follower,
    story: BrokerStory,
    magics: Mapping[int, PositionRef],
    openings: Mapping[PositionRef, Opening],
    joined_at: datetime | None,
) -> Expectation:
    """The oracle's answer for one follower, about the events that the leader's broker carried out."""
    events = oracle_events(timeline, led.done)
    rules = oracle_rules(leader, follower) | ({"joined_at": joined_at} if joined_at is not None else {})
    names = {magic: led.names[ref] for magic, ref in magics.items() if ref in led.names}
    return expected(events, rules, balances_of(openings, led), facts_of(story, names, led))


def oracle_events(timeline: Timeline, done: Iterable[int]) -> list[dict[str, Any]]:
    wanted = sorted(done)
    return [_plain(timeline.events[index]) for index in wanted]


def oracle_rules(leader: Account, follower: Follower) -> dict[str, Any]:
    rules = follower.rules
    ours = {spec.symbol: spec for spec in leader.specs}
    theirs = {spec.symbol: spec for spec in follower.at.specs}
    symbols = {
        name: {
            "symbol": theirs[other].symbol,
            "leader_contract_size": ours[name].contract_size,
            "contract_size": theirs[other].contract_size,
            "step": theirs[other].volume_step,
            "min": theirs[other].volume_min,
            "max": theirs[other].volume_max,
        }
        for name, other in follower.at.names.items()
        if name in ours
    }
    return {
        "mode": mode_of(rules.sizing),
        "volume": rules.sizing.volume if isinstance(rules.sizing, FixedVolume) else None,
        "multiplier": rules.multiplier,
        "min_volume": rules.min_volume,
        "max_volume": rules.max_volume,
        "force_min_volume": rules.force_min_volume,
        "ignore_contract_size": rules.ignore_contract_size,
        "copy_stop_loss": rules.copy_stop_loss,
        "copy_take_profit": rules.copy_take_profit,
        "copy_pending": rules.copy_pending,
        "remainder": rules.remainder.value,
        "symbols": symbols,
    }


def balances_of(openings: Mapping[PositionRef, Opening], led: LeaderStory) -> dict[str, dict[str, Any]]:
    """The balances that sizes were made of, from the decision records. `balances` proves that they were right."""
    found: dict[str, dict[str, Any]] = {}
    for ref, opening in openings.items():
        arithmetic = opening.decision.arithmetic
        share = arithmetic.balances if arithmetic is not None else None
        if share is not None and ref in led.names:
            rate = share.rate
            found[led.names[ref]] = {
                "leader": share.leader,
                "follower": share.follower.amount,
                "rate": Fraction(rate.numerator) / Fraction(rate.denominator) if rate is not None else 1,
            }
    return found


def facts_of(story: BrokerStory, names: Mapping[int, str], led: LeaderStory) -> Facts:
    """What the follower's own market did, by the number of leader events that came before it.

    A quote that both markets share reaches the follower before the leader's trade is carried out, so an equal
    millisecond means that the follower's market was first.
    """
    facts: Facts = {}
    for own in story.own:
        name = names.get(own.magic)
        if name is not None:
            before = sum(moment.at < own.at for moment in led.moments[name])
            facts.setdefault(name, {}).setdefault(own.kind.value, before)
    return facts


def _plain(event: msgspec.Struct) -> dict[str, Any]:
    plain = msgspec.structs.asdict(event)
    side = plain["side"]
    return plain | {"action": plain["action"].value, "side": side.value if side is not None else None}
