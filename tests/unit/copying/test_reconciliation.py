"""What a follower's snapshots put right: volumes, stops, copies closed by hand, positions that nobody owns."""

from typing import Any

import pytest

from kopitra.domain.identifiers import AccountId
from kopitra.domain.orders import DealEntry, DealReason, OrderType, Side
from kopitra.domain.rules import CopyRules, ManualClose, OnDrift, UnknownPosition
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.trading import OrderAction, SignalAction
from kopitra.machine.decisions.correcting import MOST_ROUNDS
from kopitra.machine.events import CopyAdded, CopyAdopted, CopySettled, IncidentClosed, IncidentOpened
from kopitra.machine.state import Copy, CopyStatus
from tests.unit.copying.follower_terminal import Terminal, proposals, sign_in
from tests.unit.copying.world import LEADER, World, lots, spec


@pytest.fixture
def world() -> World:
    return World()


def rules(**changes: Any) -> CopyRules:
    return CopyRules(sizing=SameVolume(), **changes)


def scene(world: World, *refs: str, symbols: Any = (), **changes: Any) -> tuple[Terminal, list[Copy]]:
    """A follower that is here with open copies of as many trades of its leader, which is here, too."""
    follower = world.follower("follower", rules(**changes), *symbols)
    for account in (LEADER, follower):
        sign_in(world, account)
    terminal = Terminal(world, follower)
    for ref in refs or ("p1", "p2", "p3"):
        world.send(SignalAction.OPEN, ref, stop_loss=lots("1.05"), take_profit=lots("1.20"))
        terminal.obey()
    return terminal, list(world.state.accounts[follower].following.copies.values())


def live(world: World, follower: AccountId) -> list[Copy]:
    return [copy for copy in world.state.accounts[follower].following.copies.values() if copy.live]


def incidents(world: World, follower: AccountId) -> list[str]:
    return [incident.kind for incident in world.state.accounts[follower].incidents.values()]


# -- volume ------------------------------------------------------------------------------------------------------------


def test_a_copy_that_holds_more_than_its_share_is_reduced_to_it(world: World) -> None:
    terminal, copies = scene(world)
    world.send(SignalAction.PARTIAL_CLOSE, "p1", volume=lots("0.6"), volume_after=lots("0.4"))
    [order] = world.fetch(terminal.account)
    world.ack(terminal.account, order)  # says that it is done, and nothing was closed
    terminal.show()
    assert world.outbox(terminal.account) == []
    world.later(6)
    terminal.show()
    [again] = terminal.obey()
    assert (again.action, again.target_volume) == (OrderAction.PARTIAL_CLOSE, lots("0.4"))
    assert terminal.position_of(copies[0]).volume == lots("0.4")


def test_a_part_that_was_closed_by_hand_is_respected_and_later_targets_follow(world: World) -> None:
    terminal, [copy, *_] = scene(world)
    terminal.silent_deals = True
    terminal.close_by_hand(copy, volume="0.7")
    terminal.show_twice()
    assert world.outbox(terminal.account) == []
    assert copy.live_volume == lots("0.3")
    terminal.silent_deals = False
    world.send(SignalAction.PARTIAL_CLOSE, "p1", volume=lots("0.5"), volume_after=lots("0.5"))
    assert terminal.obey() == []  # 0.3 is below half of what was opened
    world.send(SignalAction.PARTIAL_CLOSE, "p1", volume=lots("0.4"), volume_after=lots("0.1"))
    [order] = terminal.obey()
    assert order.target_volume == lots("0.1")


def test_a_deal_that_is_told_after_the_snapshot_that_showed_it_counts_once(world: World) -> None:
    terminal, [copy, *_] = scene(world)
    terminal.silent_deals = True
    terminal.close_by_hand(copy, volume="0.4")
    terminal.show_twice()
    world.deal(terminal.account, None, DealEntry.OUT, lots("0.4"), copy.position_id or 0, DealReason.CLIENT)
    assert copy.live_volume == lots("0.6")
    terminal.show_twice()
    assert world.outbox(terminal.account) == []


def test_a_fill_that_is_told_after_the_snapshot_that_showed_it_counts_once(world: World) -> None:
    follower = world.follower("follower", rules())
    terminal = Terminal(world, follower)
    terminal.silent_deals = True
    [decision] = world.send(SignalAction.PENDING_PLACED, "o1", order_type=OrderType.LIMIT, price=lots("1.09"))
    terminal.obey()
    [copy] = live(world, follower)
    terminal.change(copy, order_type=OrderType.MARKET)
    terminal.show()
    assert (copy.status, copy.live_volume) == (CopyStatus.OPEN, lots(1))
    world.deal(follower, decision.order, DealEntry.IN, lots(1), terminal.position_of(copy).position_id)
    assert copy.live_volume == lots(1)


def test_one_snapshot_alone_changes_nothing(world: World) -> None:
    terminal, [copy, *_] = scene(world, on_drift=OnDrift.CORRECT)
    terminal.change(copy, volume=lots(2), stop_loss=None)
    for _ in range(5):
        terminal.show()
        world.later(0.9)
    assert world.outbox(terminal.account) == []


def test_a_difference_that_goes_away_between_two_snapshots_is_forgotten(world: World) -> None:
    terminal, [copy, *_] = scene(world)
    for stop_loss in (None, lots("1.05"), None):
        terminal.change(copy, stop_loss=stop_loss)
        terminal.show()
        world.later(6)
    assert world.outbox(terminal.account) == []


# -- stops -------------------------------------------------------------------------------------------------------------


def test_stops_that_somebody_changed_are_put_back(world: World) -> None:
    terminal, [copy, *_] = scene(world)
    terminal.change(copy, stop_loss=lots("1.01"), take_profit=None)
    terminal.show_twice()
    [order] = terminal.obey()
    assert (order.action, order.stop_loss, order.take_profit) == (
        OrderAction.MODIFY,
        lots("1.05"),
        lots("1.20"),
    )
    terminal.show_twice()
    assert world.outbox(terminal.account) == []


def test_a_stop_that_is_not_copied_is_the_followers_own(world: World) -> None:
    terminal, [copy, *_] = scene(world, copy_stop_loss=False)
    terminal.change(copy, stop_loss=lots("1.07"), take_profit=lots("1.30"))
    terminal.show_twice()
    [order] = terminal.obey()
    assert (order.stop_loss, order.take_profit) == (lots("1.07"), lots("1.20"))


def test_a_stop_is_put_back_no_nearer_than_the_broker_allows(world: World) -> None:
    terminal, [copy, *_] = scene(world, symbols=(spec(stops_level=100),))
    terminal.change(copy, stop_loss=None)
    terminal.show_twice()
    assert world.outbox(terminal.account) == [], "no fresh quote tells where the price is"
    world.quote(terminal.account, "EURUSD", "1.05050", "1.05060")
    world.later(6)
    terminal.show()
    [order] = terminal.obey()
    assert order.stop_loss == lots("1.04950")
    terminal.show_twice()
    assert world.outbox(terminal.account) == []


def test_alerting_tells_of_a_drift_once_and_changes_nothing(world: World) -> None:
    terminal, [copy, *_] = scene(world, on_drift=OnDrift.ALERT)
    terminal.change(copy, stop_loss=None)
    terminal.show_twice()
    world.later(6)
    terminal.show()
    assert world.outbox(terminal.account) == []
    assert incidents(world, terminal.account) == ["copy_drift"]
    terminal.change(copy, stop_loss=lots("1.05"))
    terminal.show()
    assert incidents(world, terminal.account) == []


def test_corrections_that_do_not_help_end_in_an_incident_and_a_proposal(world: World) -> None:
    terminal, [copy, *_] = scene(world)
    terminal.refuses.add(OrderAction.MODIFY)
    terminal.change(copy, stop_loss=None)
    modifications = 0
    for _ in range(MOST_ROUNDS + 4):
        terminal.show_twice()
        modifications += len(terminal.obey())
        world.later(6)
    assert modifications == MOST_ROUNDS
    assert incidents(world, terminal.account) == ["corrections_exhausted"]
    assert [p.kind for p in proposals(world, terminal.account)] == ["stops"]


def test_a_new_command_of_the_leader_gives_corrections_another_chance(world: World) -> None:
    terminal, [copy, *_] = scene(world)
    terminal.refuses.add(OrderAction.MODIFY)
    terminal.change(copy, stop_loss=None)
    for _ in range(MOST_ROUNDS + 1):
        terminal.show_twice()
        terminal.obey()
        world.later(6)
    terminal.refuses.clear()
    world.send(SignalAction.MODIFY, "p1", stop_loss=lots("1.06"), take_profit=lots("1.20"))
    terminal.obey()
    terminal.change(copy, stop_loss=None)
    terminal.show_twice()
    assert [order.stop_loss for order in terminal.obey()] == [lots("1.06")]


# -- closed by hand or by the broker -----------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [DealReason.CLIENT, DealReason.MOBILE, DealReason.WEB])
def test_a_copy_closed_by_hand_is_opened_again_where_the_settings_say_so(
    world: World, reason: DealReason
) -> None:
    terminal, [copy, *_] = scene(world, manual_close=ManualClose.REOPEN)
    terminal.close_by_hand(copy, reason)
    terminal.show()
    assert world.outbox(terminal.account) == []
    world.later(6)
    terminal.show()
    [order] = terminal.obey()
    assert (order.action, order.volume, order.symbol) == (OrderAction.OPEN, lots(1), "EURUSD")
    assert order.copy_id != copy.copy_id
    [again] = [c for c in live(world, terminal.account) if c.position_ref == "p1"]
    assert again.generation > copy.generation
    [close, *_] = world.send(SignalAction.CLOSE, "p1")
    assert (close.copy_id, close.order is not None) == (again.copy_id, True)
    assert len(terminal.obey()) == 1
    assert len(terminal.positions) == 2


def test_a_reopened_copy_has_what_the_leader_holds_by_then_and_follows_its_share(world: World) -> None:
    terminal, [copy, *_] = scene(world, manual_close=ManualClose.REOPEN)
    world.send(SignalAction.PARTIAL_CLOSE, "p1", volume=lots("0.5"), volume_after=lots("0.5"))
    terminal.obey()
    terminal.close_by_hand(copy)
    terminal.show_twice()
    [order] = terminal.obey()
    assert order.volume == lots("0.5")
    world.send(SignalAction.PARTIAL_CLOSE, "p1", volume=lots("0.25"), volume_after=lots("0.25"))
    [part] = terminal.obey()
    assert part.target_volume == lots("0.25")


@pytest.mark.parametrize(
    "reason", [DealReason.STOP_LOSS, DealReason.TAKE_PROFIT, DealReason.STOP_OUT, DealReason.EXPERT]
)
def test_a_copy_that_a_stop_or_an_ea_closed_is_never_opened_again(world: World, reason: DealReason) -> None:
    terminal, [copy, *_] = scene(world, manual_close=ManualClose.REOPEN)
    terminal.close_by_hand(copy, reason)
    for _ in range(3):
        terminal.show_twice()
        world.tick()
    assert world.outbox(terminal.account) == []


def test_a_copy_closed_by_hand_stays_closed_by_default(world: World) -> None:
    terminal, [copy, *_] = scene(world)
    terminal.close_by_hand(copy)
    terminal.show_twice()
    assert world.outbox(terminal.account) == []
    assert [d.reason for d in world.send(SignalAction.CLOSE, "p1")] == ["not_open"]


def test_a_copy_whose_end_nobody_reported_is_not_opened_again(world: World) -> None:
    terminal, [copy, *_] = scene(world, manual_close=ManualClose.REOPEN)
    terminal.silent_deals = True
    terminal.close_by_hand(copy)
    terminal.show_twice()
    settled = [event for event in world.history if isinstance(event, CopySettled)]
    assert [(event.copy_id, event.cause) for event in settled] == [(copy.copy_id, "absent")]
    terminal.show_twice()
    assert world.outbox(terminal.account) == []


def test_opening_again_waits_for_the_leaders_price_and_says_once_why(world: World) -> None:
    terminal, [copy, *_] = scene(world, manual_close=ManualClose.REOPEN, max_drift=lots("0.0010"))
    terminal.close_by_hand(copy)
    world.quote(terminal.account, "EURUSD", "1.10500", "1.10510")
    terminal.show_twice()
    for _ in range(4):
        world.tick()
    added = [event for event in world.history if isinstance(event, CopyAdded)]
    assert [event.decision.reason for event in added] == ["price_drift"]
    world.quote(terminal.account, "EURUSD", "1.10040", "1.10050")
    world.tick()
    assert [order.action for order in terminal.obey()] == [OrderAction.OPEN]


def test_several_copies_closed_by_hand_are_opened_again_one_after_the_other(world: World) -> None:
    terminal, copies = scene(world, manual_close=ManualClose.REOPEN)
    for copy in copies:
        terminal.close_by_hand(copy)
    terminal.show_twice()
    assert len(terminal.obey()) == 1
    for _ in range(4):
        world.tick()
        terminal.obey()
    assert len(terminal.positions) == 3
    assert len({copy.copy_id for copy in live(world, terminal.account)}) == 3


def test_a_trade_that_ended_meanwhile_is_not_opened_again(world: World) -> None:
    terminal, [copy, *_] = scene(world, manual_close=ManualClose.REOPEN)
    terminal.close_by_hand(copy)
    terminal.show()
    world.send(SignalAction.CLOSE, "p1")
    world.later(6)
    terminal.show()
    world.tick()
    assert OrderAction.OPEN not in [order.action for order in world.outbox(terminal.account)]


# -- positions of nobody -----------------------------------------------------------------------------------------------


def adopting(world: World) -> Terminal:
    """A follower that copied its leader's trade by hand before it joined."""
    sign_in(world, LEADER)
    world.send(SignalAction.OPEN, "p1")
    world.later(1)
    follower = world.follower("follower", rules(unknown_position=UnknownPosition.ADOPT))
    sign_in(world, follower)
    return Terminal(world, follower)


def test_a_position_that_matches_one_uncopied_trade_becomes_its_copy(world: World) -> None:
    terminal = adopting(world)
    held = terminal.open_by_hand("1")
    terminal.show()
    assert live(world, terminal.account) == []
    world.later(6)
    terminal.show()
    [copy] = live(world, terminal.account)
    assert (copy.position_ref, copy.ticket, copy.live_volume) == ("p1", held.ticket, lots(1))
    world.send(SignalAction.CLOSE, "p1")
    [close] = terminal.obey()
    assert (close.action, close.position_id) == (OrderAction.CLOSE, held.position_id)
    assert terminal.positions == {}


def test_an_adopted_copy_follows_partial_closes_and_stops_of_its_leader(world: World) -> None:
    terminal = adopting(world)
    terminal.open_by_hand("1")
    terminal.show_twice()
    world.send(SignalAction.PARTIAL_CLOSE, "p1", volume=lots("0.5"), volume_after=lots("0.5"))
    world.send(SignalAction.MODIFY, "p1", stop_loss=lots("1.02"))
    terminal.obey()
    [held] = terminal.positions.values()
    assert (held.volume, held.stop_loss) == (lots("0.5"), lots("1.02"))


@pytest.mark.parametrize(
    "changes", [{"volume": "0.5"}, {"volume": "1", "side": Side.SELL}, {"volume": "1", "symbol": "GBPUSD"}]
)
def test_a_position_that_differs_is_left_alone(world: World, changes: dict[str, Any]) -> None:
    terminal = adopting(world)
    terminal.open_by_hand(**changes)
    terminal.show_twice()
    assert live(world, terminal.account) == []


def test_of_twins_none_is_adopted(world: World) -> None:
    terminal = adopting(world)
    terminal.open_by_hand("1")
    terminal.open_by_hand("1")
    terminal.show_twice()
    assert not any(isinstance(event, CopyAdopted) for event in world.history)


def test_a_position_that_matches_two_trades_is_not_adopted(world: World) -> None:
    world.send(SignalAction.OPEN, "p2")
    terminal = adopting(world)
    terminal.open_by_hand("1")
    terminal.show_twice()
    assert live(world, terminal.account) == []


def test_nothing_is_adopted_by_default(world: World) -> None:
    sign_in(world, LEADER)
    world.send(SignalAction.OPEN, "p1")
    world.later(1)
    follower = world.follower()
    sign_in(world, follower)
    terminal = Terminal(world, follower)
    terminal.open_by_hand("1")
    terminal.show_twice()
    assert live(world, follower) == []
    assert world.outbox(follower) == []


def test_a_second_position_with_a_copys_magic_number_is_closed(world: World) -> None:
    terminal, [copy, *_] = scene(world)
    terminal.positions[9_999] = world.held(9_999, "1", magic=copy.magic)
    terminal.show_twice()
    [order] = world.fetch(terminal.account)
    assert (order.action, order.ticket) == (OrderAction.CLOSE, 9_999)


def test_a_copy_whose_leaders_trade_is_over_is_closed(world: World) -> None:
    terminal, [copy, *_] = scene(world)
    del world.state.accounts[LEADER].leading.positions[copy.position_ref]
    terminal.show_twice()
    assert [(o.action, o.copy_id) for o in terminal.obey()] == [(OrderAction.CLOSE, copy.copy_id)]


# -- second looks ------------------------------------------------------------------------------------------------------


def test_a_doubt_that_no_second_snapshot_settles_is_asked_about_once(world: World) -> None:
    terminal, [copy, *_] = scene(world)
    terminal.change(copy, stop_loss=None)
    terminal.show()
    for _ in range(10):
        world.later(5)
        world.readings.contacts[terminal.account] = world.now
        world.tick()
    assert world.notes(terminal.account).count("resync.requested") == 1


def test_incidents_close_when_their_copy_is_gone(world: World) -> None:
    terminal, [copy, *_] = scene(world, on_drift=OnDrift.ALERT)
    terminal.change(copy, stop_loss=None)
    terminal.show_twice()
    terminal.close_by_hand(copy)
    terminal.show()
    kinds = [type(event) for event in world.history if isinstance(event, IncidentOpened | IncidentClosed)]
    assert kinds == [IncidentOpened, IncidentClosed]
