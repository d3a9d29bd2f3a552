"""The kill switch, operators' orders, and silence."""

from datetime import timedelta
from decimal import Decimal

import pytest

from kopitra.domain.identifiers import AccountId, DeviceId, SessionId
from kopitra.domain.orders import DealEntry, Side
from kopitra.domain.trading import AckStatus, OrderAction, SignalAction
from kopitra.machine import commands
from kopitra.machine.events import HaltMode, HaltScope, SilenceChanged, StaleIgnored
from kopitra.machine.outcome import Refusal
from kopitra.machine.readings import Lease
from tests.unit.copying.world import TENANT, World, lots


@pytest.fixture
def world() -> World:
    return World()


def halt(mode: HaltMode = HaltMode.CLOSE_ONLY, revision: int = 0) -> commands.Halt:
    return commands.Halt(scope=HaltScope.PLATFORM, target="", mode=mode, subject="op", revision=revision)


def test_a_halt_withdraws_every_open_that_was_not_fetched(world: World) -> None:
    follower = world.follower()
    for number in range(500):
        world.send(SignalAction.OPEN, f"p{number}")
    assert len(world.outbox(follower)) == 500
    world.do(halt())
    assert world.outbox(follower) == []
    assert world.notes(follower).count("trading.halted") == 1


def test_a_halt_leaves_what_was_fetched_to_the_ea(world: World) -> None:
    follower = world.follower()
    world.send(SignalAction.OPEN)
    world.fetch(follower)
    world.do(halt())
    assert len(world.outbox(follower)) == 1


def test_flatten_closes_every_copy_even_of_an_account_that_is_away(world: World) -> None:
    follower = world.follower()
    world.opened("p1", position=1)
    world.opened("p2", position=2)
    world.do(halt(HaltMode.FLATTEN))
    orders = world.outbox(follower)
    assert [(o.action, o.position_id) for o in orders] == [(OrderAction.CLOSE, 1), (OrderAction.CLOSE, 2)]
    assert len({o.command_id for o in orders}) == 2
    world.do(halt(HaltMode.FLATTEN))
    assert len(world.outbox(follower)) == 2


def test_a_refused_flatten_is_driven_again(world: World) -> None:
    follower = world.follower()
    world.opened()
    world.do(halt(HaltMode.FLATTEN))
    [order] = world.fetch(follower)
    world.ack(follower, order, AckStatus.REJECTED, retcode=10018)
    world.later(2)
    world.tick()
    [again] = world.fetch(follower)
    assert again.action is OrderAction.CLOSE


def test_halts_never_block_closes(world: World) -> None:
    follower = world.follower()
    world.opened()
    world.do(halt())
    world.send(SignalAction.CLOSE)
    assert [o.action for o in world.outbox(follower)] == [OrderAction.CLOSE]


def test_a_late_copy_of_a_halt_does_not_undo_a_resume(world: World) -> None:
    world.follower()
    world.do(halt(revision=5))
    world.do(commands.Resume(scope=HaltScope.PLATFORM, target="", subject="op", revision=6))
    world.do(halt(revision=5))
    assert isinstance(world.history[-1], StaleIgnored)
    assert world.state.halts == {}


def test_a_tenants_halt_of_its_platform_does_not_reach_other_tenants(world: World) -> None:
    follower = world.follower()
    world.do(
        commands.Halt(
            scope=HaltScope.PLATFORM,
            target="",
            mode=HaltMode.FLATTEN,
            subject="op",
            tenant="other",  # type: ignore[arg-type]
        )
    )
    world.send(SignalAction.OPEN)
    assert len(world.outbox(follower)) == 1


def test_a_halt_of_something_unknown_or_foreign_is_refused(world: World) -> None:
    world.follower()
    for target, tenant in (("nobody", None), ("follower", "other")):
        result = world.ask(
            commands.Halt(
                scope=HaltScope.FOLLOWER,
                target=target,
                mode=HaltMode.CLOSE_ONLY,
                subject="op",
                tenant=tenant,  # type: ignore[arg-type]
            )
        )
        assert isinstance(result, Refusal)
        assert result.code == "halt_target_unknown"


def test_an_operators_order_reaches_the_account_with_an_id_of_its_own(world: World) -> None:
    follower = world.follower()
    for _ in range(2):
        world.do(
            commands.PlaceOperatorOrder(
                account=follower,
                subject="op",
                action=OrderAction.OPEN,
                symbol="EURUSD",
                side=Side.SELL,
                volume=lots("0.1"),
            )
        )
    first, second = world.outbox(follower)
    assert first.command_id != second.command_id
    assert first.magic != second.magic
    assert first.ttl_ms == 60_000


def operators_close(follower: AccountId, volume: Decimal, ticket: int | None) -> commands.PlaceOperatorOrder:
    return commands.PlaceOperatorOrder(
        account=follower,
        subject="op",
        action=OrderAction.CLOSE,
        symbol="EURUSD",
        side=Side.BUY,
        volume=volume,
        ticket=ticket,
    )


def test_an_operators_close_ends_the_copy_that_holds_the_ticket(world: World) -> None:
    follower = world.follower()
    world.opened(position=501)
    world.do(operators_close(follower, lots(1), 501))
    [order] = world.fetch(follower)
    world.ack(follower, order)
    [decision] = world.send(SignalAction.CLOSE)
    assert decision.reason == "not_open"


def test_an_operators_close_finds_the_copy_by_the_ticket_that_a_partial_close_left(world: World) -> None:
    follower = world.follower()
    copy = world.opened(position=501)
    world.deal(follower, None, DealEntry.OUT, lots("0.4"), position=501, remainder_ticket=777)
    world.do(operators_close(follower, lots("0.6"), 777))
    [order] = world.outbox(follower)
    assert (order.copy_id, order.magic, order.position_id) == (copy.copy_id, copy.magic, 501)


def test_an_operators_open_is_refused_while_halted_and_a_close_needs_a_ticket(world: World) -> None:
    follower = world.follower()
    world.do(halt())
    order = commands.PlaceOperatorOrder(
        account=follower,
        subject="op",
        action=OrderAction.OPEN,
        symbol="EURUSD",
        side=Side.BUY,
        volume=lots(1),
    )
    refused = world.ask(order)
    assert isinstance(refused, Refusal)
    assert refused.code == "trading_halted"
    missing = world.ask(operators_close(follower, lots(1), None))
    assert isinstance(missing, Refusal)
    assert missing.code == "ticket_missing"


def test_silence_and_return_are_noted_once_each(world: World) -> None:
    account, device = world.account("watched"), DeviceId("pc")
    world.do(
        commands.PublishAccount(
            account=account,
            tenant=TENANT,
            revision=100,
            enrolment_code_hash="code",
            enrolment_expires_at=None,
        )
    )
    world.do(commands.Enrol(code_hash="code", device=device, secret_hash="hash"))
    world.do(
        commands.OpenSession(
            account=account,
            session=SessionId("session"),
            device=device,
            nonce="n",
            token_hash="t",
            key_id="k",
            lease_seconds=3600,
        )
    )
    world.readings.leases[account] = Lease(
        session=SessionId("session"), expires_at=world.now + timedelta(hours=2)
    )
    world.readings.contacts[account] = world.now
    for seconds in (59, 2, 30):
        world.later(seconds)
        world.tick()
    world.readings.contacts[account] = world.now
    world.tick()
    world.tick()
    assert [e.silent for e in world.history if isinstance(e, SilenceChanged)] == [True, False]


@pytest.mark.parametrize(
    ("action", "ticket", "code"),
    [
        (OrderAction.PARTIAL_CLOSE, 501, "target_volume_missing"),
        (OrderAction.PARTIAL_CLOSE, None, "ticket_missing"),
        (OrderAction.OFFSET, 501, "action_not_orderable"),
    ],
)
def test_an_order_that_an_ea_would_have_to_guess_at_is_refused_and_changes_nothing(
    world: World, action: OrderAction, ticket: int | None, code: str
) -> None:
    follower = world.follower()
    world.opened(position=501)
    before = world.state.sequence
    refused = world.ask(
        commands.PlaceOperatorOrder(
            account=follower,
            subject="op",
            action=action,
            symbol="EURUSD",
            side=Side.BUY,
            volume=lots("0.4"),
            ticket=ticket,
        )
    )
    assert isinstance(refused, Refusal)
    assert (refused.status, refused.code) == (422, code)
    assert world.state.sequence == before
