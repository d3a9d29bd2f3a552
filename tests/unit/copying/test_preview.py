"""What a change of settings would have changed is what really publishing it first would have come to."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kopitra.application.preview import Change, Preview
from kopitra.application.recent_opens import RecentOpens
from kopitra.application.redeciding import Foreseen, foreseen
from kopitra.domain.guards import Guard, GuardKind, GuardUnit
from kopitra.domain.identifiers import AccountId, RunId, SubscriptionId
from kopitra.domain.orders import OrderType, Side
from kopitra.domain.settings import CopySettings, SettingsScope, effective
from kopitra.domain.sizing_modes import (
    BalanceRatio,
    EquityRatio,
    FixedRisk,
    FixedVolume,
    SameVolume,
    Sizing,
)
from kopitra.domain.skips import SkipReason
from kopitra.domain.trading import Signal, SignalAction
from kopitra.machine import commands
from kopitra.machine.decide import decide
from kopitra.machine.events import CopyPlanned, HaltMode, HaltScope
from kopitra.machine.evolve import evolve
from kopitra.machine.layers import layer_key, layers_of
from kopitra.machine.outcome import Context, Decision
from kopitra.machine.readings import Figures
from kopitra.machine.stamp import stamp
from kopitra.machine.state import SettingsLayer, State
from kopitra.machine.state_codec import decode_state, encode_state, state_hash
from kopitra.protocol.management_settings import Difference, PreviewAnswer
from tests.unit.copying.world import LEADER, START, TENANT, World, lots, spec

SAME_VOLUME = SameVolume()
Told = dict[tuple[RunId, SubscriptionId], Foreseen]


class Watched(World):
    """A world whose opens are remembered as a counterparty remembers them."""

    def __init__(self) -> None:
        super().__init__()
        self.signals: list[tuple[datetime, Signal]] = []
        self.readings.figures[LEADER] = Figures(balance=lots(10_000), currency="USD", at=self.now)

    def open(self, ref: str, **changes: Any) -> None:
        action = SignalAction.PENDING_PLACED if "order_type" in changes else SignalAction.OPEN
        signal = self.signal(action, ref, **changes)
        self.signals.append((self.now, signal))
        self.do(commands.TakeSignal(account=LEADER, signal=signal))

    def platform(self, given: CopySettings) -> None:
        self.do(
            commands.PublishSettings(
                scope=SettingsScope.PLATFORM, target="", tenant=TENANT, revision=1, settings=given
            )
        )

    def recent(self) -> RecentOpens:
        recent = RecentOpens()
        for recorded in self.recorded:
            recent.note(self.state, recorded)
        return recent

    def preview(
        self,
        given: CopySettings,
        last: int = 200,
        recent: RecentOpens | None = None,
        guards: tuple[Guard, ...] = (),
    ) -> PreviewAnswer:
        """Of a change of the platform's layer."""
        key = layer_key(SettingsScope.PLATFORM, TENANT)
        layer = SettingsLayer(
            scope=SettingsScope.PLATFORM,
            target=TENANT,
            tenant=TENANT,
            revision=1,
            settings=given,
            guards=guards,
        )
        proposed = msgspec.structs.replace(self.state, layers=self.state.layers | {key: layer})
        changes = [
            Change(held, msgspec.structs.replace(held, rules=effective(layers_of(proposed, held)).rules))
            for held in self.state.subscriptions.values()
        ]
        held = recent or self.recent()
        preview = Preview(self.state, proposed, self.readings, changes, last)
        for _ in preview.steps(held.newest_first(self.state.sequence)):
            pass
        return preview.answer(held.reach)


def decided(events: Iterator[CopyPlanned]) -> Told:
    return {(event.run, each.subscription): foreseen(each) for event in events for each in event.decisions}


def really(world: Watched, state: State, given: CopySettings) -> Told:
    """Publish the layer in another copy of the state, and send the same signals at the same times."""

    def ask(command: commands.Command, now: datetime) -> Iterator[CopyPlanned]:
        context = Context(now=now, readings=world.readings)
        result = decide(state, command, context)
        assert isinstance(result, Decision), result
        for recorded in stamp(result.events, state.sequence, context):
            evolve(state, recorded)
            if isinstance(recorded.event, CopyPlanned):
                yield recorded.event

    layer = commands.PublishSettings(
        scope=SettingsScope.PLATFORM, target="", tenant=TENANT, revision=2, settings=given
    )
    assert list(ask(layer, START)) == []
    replayed = [
        event
        for now, signal in world.signals
        for event in ask(commands.TakeSignal(account=LEADER, signal=signal), now)
    ]
    return decided(iter(replayed))


def a_day() -> tuple[Watched, State]:
    """Several followers, and opens of every kind; the state is that before the first of them."""
    world = Watched()
    gold = spec("XAUUSD", base_currency="XAU", contract_size=lots(100), digits=2)
    world.account(LEADER, spec(), gold)
    world.platform(CopySettings(sizing=SameVolume()))
    for name, rules in (
        ("plain", CopySettings()),
        ("half", CopySettings(multiplier=lots("0.5"))),
        ("fixed", CopySettings(sizing=FixedVolume(volume=lots("0.3")))),
        ("turned", CopySettings(reverse=True)),
        ("forex", CopySettings(include_symbols=("EURUSD",))),
    ):
        world.account(name, spec(), gold, balance="2000")
        world.follow(AccountId(name), rules)
    before = decode_state(encode_state(world.state))
    world.open("a", stop_loss=lots("1.05"), take_profit=lots("1.2"))
    world.later(1)
    world.open("b", side=Side.SELL, volume=lots("0.02"), volume_after=lots("0.02"), magic=7)
    world.later(1)
    world.open("c", symbol="XAUUSD", price=lots("2000.00"), stop_loss=lots("1990.00"))
    world.later(1)
    world.open("d", order_type=OrderType.LIMIT, price=lots("1.09"))
    world.open("e", age_ms=45_000, stop_loss=None)
    return world, before


PROPOSALS: dict[str, tuple[Any, ...]] = {
    "multiplier": (lots("0.5"), lots(3)),
    "min_volume": (lots("0.05"), lots(0)),
    "max_volume": (lots("0.5"), lots(50)),
    "force_min_volume": (True, False),
    "reverse": (True, False),
    "sides": ((Side.BUY,), (Side.SELL,)),
    "include_magics": ((7,),),
    "exclude_symbols": (("XAUUSD",),),
    "symbols": ({"EURUSD": "XAUUSD"}, {"XAUUSD": "nothing"}),
    "copy_stop_loss": (True, False),
    "copy_take_profit": (False,),
    "copy_pending": (True, False),
    "require_stop_loss": (True,),
    "open_ttl_seconds": (30, 90),
    "max_drift": (lots("0.001"),),
    "sandbox": (True,),
}
SIZINGS: tuple[Any, ...] = (SameVolume(), FixedVolume(volume=lots("0.7")), BalanceRatio(), EquityRatio())
proposals = st.fixed_dictionaries(
    {"sizing": st.sampled_from(SIZINGS)},
    optional={name: st.sampled_from(values) for name, values in PROPOSALS.items()},
).map(lambda given: CopySettings(**given))


@given(proposed=proposals)
@settings(max_examples=120, deadline=None)
def test_a_preview_is_what_publishing_and_sending_the_same_again_comes_to(proposed: CopySettings) -> None:
    world, before = a_day()
    here = decided(event for event in world.history if isinstance(event, CopyPlanned))
    there = really(world, before, proposed)
    told = {(d.event.run_id, d.subscription): shown(d) for d in world.preview(proposed).differences}
    assert told == {key: there[key] for key in here if not here[key].same_as(there[key])}


def shown(difference: Difference) -> Foreseen:
    after = difference.after
    values = {name: getattr(after, name) for name in Foreseen.__struct_fields__}
    return msgspec.convert(values, Foreseen, strict=False)


def test_previewing_changes_nothing() -> None:
    world, _ = a_day()
    before, readings = state_hash(world.state), repr(world.readings.figures)
    world.preview(CopySettings(sizing=SameVolume(), multiplier=lots(9), symbols={"EURUSD": "nothing"}))
    assert (state_hash(world.state), repr(world.readings.figures)) == (before, readings)
    world.open("f")
    assert world.outbox(AccountId("plain"))[-1].symbol == "EURUSD"


@pytest.fixture
def world() -> Watched:
    world = Watched()
    world.account(LEADER, spec())
    return world


def follow(world: Watched, sizing: Sizing = SAME_VOLUME, balance: str = "10000") -> AccountId:
    follower = world.account("follower", balance=balance)
    world.follow(follower, CopySettings(sizing=sizing))
    return follower


def test_counts_are_told_for_each_subscription(world: Watched) -> None:
    follow(world)
    world.open("a")
    world.open("b", side=Side.SELL)
    [told] = world.preview(CopySettings(sides=(Side.BUY,))).subscriptions
    assert (told.events, told.events_different) == (2, 1)
    assert (told.open_copies, told.open_copies_different) == (2, 1)
    assert told.changed == ["sides"]


def test_a_difference_says_why(world: Watched) -> None:
    follow(world)
    world.open("a")
    [less] = world.preview(CopySettings(multiplier=lots("0.5"))).differences
    assert less.reason == "volume 1.00 would be 0.50"
    [none] = world.preview(CopySettings(sides=(Side.SELL,))).differences
    assert none.reason.startswith(f"would be left out: {SkipReason.SIDE_FILTERED}")
    assert none.copy_id is not None


def test_a_volume_that_was_made_of_figures_is_made_of_the_same_again(world: Watched) -> None:
    follower = follow(world, BalanceRatio(), balance="5000")
    world.open("a")
    world.readings.figures[follower] = Figures(balance=lots(90_000), currency="USD", at=world.now)
    [difference] = world.preview(CopySettings(multiplier=lots(2))).differences
    assert (difference.before.volume, difference.after.volume) == (lots("0.5"), lots(1))
    assert not difference.assumed


def test_rates_are_those_that_were_calculated_with(world: Watched) -> None:
    follower = world.account("follower", spec(), balance="5000", currency="EUR")
    world.follow(follower, CopySettings(sizing=BalanceRatio()))
    world.quote(follower, "EURUSD", "1.10", "1.20")
    world.open("a")
    world.quote(follower, "EURUSD", "9.10", "9.20")
    [difference] = world.preview(CopySettings(multiplier=lots(2))).differences
    assert (difference.before.volume, difference.after.volume) == (lots("0.57"), lots("1.15"))
    assert not difference.assumed


def test_what_no_record_holds_is_taken_from_today_and_said_so(world: Watched) -> None:
    world.platform(CopySettings(sizing=SameVolume()))
    follower = world.account("follower")
    world.follow(follower, CopySettings())
    world.open("a", stop_loss=lots("1.05"))
    world.readings.figures[follower] = Figures(
        balance=lots(10_000), currency="USD", at=world.now, equity=lots(4_000)
    )
    for sizing in (EquityRatio(), FixedRisk(fraction=Decimal("0.01"))):
        [difference] = world.preview(CopySettings(sizing=sizing)).differences
        assert difference.assumed


def test_who_was_halted_then_is_not_told_as_changed_and_a_halt_of_today_hides_nothing(world: Watched) -> None:
    follow(world)
    world.open("a")
    halt = commands.Halt(scope=HaltScope.PLATFORM, target="", mode=HaltMode.CLOSE_ONLY, subject="op")
    world.do(halt)
    world.open("b")
    answer = world.preview(CopySettings(multiplier=lots(2)))
    assert [difference.event.sequence for difference in answer.differences] == [
        recorded.sequence for recorded in world.recorded if isinstance(recorded.event, CopyPlanned)
    ][:1]
    assert answer.subscriptions[0].events == 2


def test_open_copies_whose_open_is_out_of_reach_are_told_by_their_leaders_book(world: Watched) -> None:
    follow(world)
    world.open("a")
    answer = world.preview(CopySettings(multiplier=lots(2)), recent=RecentOpens())
    [difference] = answer.differences
    assert difference.assumed
    assert difference.event.sequence is None
    assert difference.after.volume == lots(2)
    [told] = answer.subscriptions
    assert (told.events, told.open_copies_different) == (0, 1)
    assert answer.since is None


def test_only_so_many_events_are_looked_at_newest_first(world: Watched) -> None:
    follow(world)
    for ref in ("a", "b", "c"):
        world.open(ref)
    answer = world.preview(CopySettings(multiplier=lots(2)), last=2)
    assert answer.events == 2
    told = [d.event.sequence for d in answer.differences if d.event.sequence is not None]
    assert told == sorted(told, reverse=True)
    assert len(told) == 2


def test_a_subscription_that_would_not_be_enabled_gets_nothing(world: Watched) -> None:
    follow(world)
    world.open("a")
    [held] = world.state.subscriptions.values()
    off = msgspec.structs.replace(held, enabled=False)
    preview = Preview(world.state, world.state, world.readings, [Change(held, off)], 200)
    list(preview.steps(world.recent().newest_first(world.state.sequence)))
    answer = preview.answer(None)
    assert answer.differences[0].after.reason == SkipReason.UNSUBSCRIBED
    assert answer.subscriptions[0].changed == ["enabled"]


def test_a_guard_that_is_proposed_leaves_out_what_it_would_have_turned_away(world: Watched) -> None:
    follow(world)
    world.open("a")
    world.open("b", volume=lots(5), volume_after=lots(5))
    guard = Guard(name="size", kind=GuardKind.TRADE_RISK, limit=lots(600), unit=GuardUnit.MONEY)
    world.open("c", stop_loss=lots("1.09500"))
    world.open("d", volume=lots(5), volume_after=lots(5), stop_loss=lots("1.09500"))
    told = world.preview(CopySettings(), guards=(guard,)).differences
    assert {d.after.reason for d in told} == {SkipReason.GUARD_WOULD_BREAK}
    assert {d.event.volume for d in told} == {lots(1), lots(5)}
    assert len(told) == 3, "two without a stop loss, and one with too much behind it"


def test_a_preview_that_is_too_much_work_says_what_it_left_out(
    world: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kopitra.application.preview.MOST_COMPARED", 2)
    follow(world)
    for ref in ("a", "b", "c"):
        world.open(ref)
    answer = world.preview(CopySettings(multiplier=lots(2)))
    assert not answer.complete
    assert len(answer.differences) == 2


# -- what is remembered ------------------------------------------------------------------------------------------------


def test_the_oldest_opens_are_forgotten_within_a_bound_and_it_is_said_how_far_memory_reaches() -> None:
    world, _ = a_day()
    opens = [recorded for recorded in world.recorded if isinstance(recorded.event, CopyPlanned)]
    recent = RecentOpens(most_bytes=40_000)
    for recorded in world.recorded:
        recent.note(world.state, recorded)
    kept = [recorded.sequence for recorded, _ in recent.newest_first(world.state.sequence)]
    assert kept == [recorded.sequence for recorded in reversed(opens)][: len(kept)]
    assert 0 < len(kept) < len(opens)
    assert recent.reach is not None
    assert recent.reach.sequence == kept[-1]


def test_what_is_not_durable_is_not_told() -> None:
    world, _ = a_day()
    last = [recorded for recorded in world.recorded if isinstance(recorded.event, CopyPlanned)][-1]
    told = [recorded.sequence for recorded, _ in world.recent().newest_first(last.sequence - 1)]
    assert last.sequence not in told
    assert told


def test_memory_begins_anew_with_every_recovery() -> None:
    world, _ = a_day()
    recent = world.recent()
    assert recent.dump() == b""
    recent.load(b"")
    assert recent.reach is None
    assert list(recent.newest_first(world.state.sequence)) == []
