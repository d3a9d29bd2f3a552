"""The core tells every follower exactly what the independent oracle expects, for whole histories."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kopitra.domain.rules import CopyRules, Remainder
from kopitra.domain.sizing_modes import BalanceRatio, ByMultiplier, FixedVolume, SameVolume
from kopitra.domain.symbols import SymbolSpec
from kopitra.simulation.histories.generated import generated_history
from kopitra.simulation.histories.sample import sample_history
from kopitra.simulation.histories.specs import specs_for
from kopitra.simulation.statements.reading import read_statement
from kopitra.simulation.timeline import Action, Timeline
from tests.oracle import differences, expected
from tests.unit.oracle_equality.platform import Follower, Platform

RULES: dict[str, CopyRules] = {
    "same": CopyRules(sizing=SameVolume()),
    "triple": CopyRules(sizing=ByMultiplier(), multiplier=Decimal("3.33")),
    "small": CopyRules(sizing=ByMultiplier(), multiplier=Decimal("0.4")),
    "fixed": CopyRules(sizing=FixedVolume(volume=Decimal("0.17"))),
    "ratio": CopyRules(sizing=BalanceRatio(), max_volume=Decimal(3)),
    "keeper": CopyRules(sizing=SameVolume(), remainder=Remainder.KEEP, copy_stop_loss=False),
    "forced": CopyRules(sizing=ByMultiplier(), multiplier=Decimal("0.05"), force_min_volume=True),
    "no-pending": CopyRules(sizing=SameVolume(), copy_pending=False),
}
SUFFIX = "coarse"


def coarse(spec: SymbolSpec) -> SymbolSpec:
    """The same symbol at a broker with another name and a coarser step."""
    name = spec.symbol.rstrip(".") + ".m"
    return msgspec.structs.replace(spec, symbol=name, volume_min=Decimal("0.03"), volume_step=Decimal("0.03"))


def as_event(event: Any) -> dict[str, Any]:
    plain = {name: getattr(event, name) for name in event.__struct_fields__}
    return plain | {"action": event.action.value, "side": event.side.value if event.side else None}


def oracle_rules(
    rules: CopyRules, ours: tuple[SymbolSpec, ...], theirs: tuple[SymbolSpec, ...]
) -> dict[str, Any]:
    sizing = rules.sizing
    return {
        "mode": sizing.__struct_config__.tag,
        "volume": getattr(sizing, "volume", None),
        "multiplier": rules.multiplier,
        "max_volume": rules.max_volume,
        "force_min_volume": rules.force_min_volume,
        "remainder": rules.remainder.value,
        "copy_stop_loss": rules.copy_stop_loss,
        "copy_take_profit": rules.copy_take_profit,
        "copy_pending": rules.copy_pending,
        "symbols": {
            leader.symbol: {
                "symbol": follower.symbol,
                "leader_contract_size": leader.contract_size,
                "contract_size": follower.contract_size,
                "step": follower.volume_step,
                "min": follower.volume_min,
                "max": follower.volume_max,
            }
            for leader, follower in zip(ours, theirs, strict=True)
        },
    }


def check(timeline: Timeline, own_market: float = 0.0) -> Platform:
    ours = specs_for(timeline).specs
    theirs = tuple(coarse(spec) for spec in ours)
    platform = Platform(timeline, ours, own_market)
    books: list[tuple[Follower, CopyRules, tuple[SymbolSpec, ...]]] = []
    for name, rules in RULES.items():
        books.append((platform.follow(name, rules, ours, platform.currency), rules, ours))
    rules = CopyRules(sizing=SameVolume())
    books.append((platform.follow(SUFFIX, rules, theirs, platform.currency), rules, theirs))
    platform.run()
    events = [as_event(e) for e in timeline.events if e.action not in (Action.QUOTE, Action.BALANCE)]
    for follower, used, specs in books:
        wanted = expected(events, oracle_rules(used, ours, specs), follower.balances, follower.facts)
        told = differences(follower.account, wanted.steps, follower.steps)
        assert not told, "\n".join(told[:5])
        assert follower.skips == wanted.skips
        live = {str(c.position_ref) for c in platform.copies(follower) if c.live}
        assert live == set(wanted.book)
    return platform


def test_a_real_accounts_history_is_copied_as_the_oracle_says(shared_data: Path) -> None:
    statement = shared_data / "statements" / "mt4-detailed-2019-2020.htm"
    platform = check(read_statement(statement.read_bytes()))
    assert sum(len(s) for f in platform.followers for s in f.steps.values()) > 20_000


def test_the_sample_history_is_copied_as_the_oracle_says() -> None:
    check(sample_history())


@pytest.mark.parametrize("history", range(6))
def test_generated_histories_with_unruly_markets_are_copied_as_the_oracle_says(history: int) -> None:
    platform = check(generated_history(history), own_market=0.15)
    told = [step for f in platform.followers for steps in f.steps.values() for step in steps]
    assert sum(step.action == "partial_close" for step in told) >= 200
    assert any("ended" in facts for f in platform.followers for facts in f.facts.values())
