"""Figures that came with what the journal did not take are not believed; those that came before are."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal

import msgspec
import pytest

from kopitra.application.inbox import Inbox
from kopitra.application.submission import Outcome, Phase, Unavailable
from kopitra.domain.identifiers import AccountId, SessionId
from kopitra.domain.telemetry import AccountSnapshot, BalanceOperation
from kopitra.machine.readings import Figures, Readings
from kopitra.protocol.events import InboxType
from kopitra.protocol.inbox import InboxItem
from kopitra.protocol.messages import InboxEvent
from kopitra.simulation.journal import AppendFault
from kopitra.simulation.virtual_time import START, VirtualTime, run_virtual
from tests.unit.copying.world import LEADER
from tests.unit.engine.shard import FOLLOWER, Instance, Shard

FAULTS = [AppendFault.UNAVAILABLE, AppendFault.UNCLEAR_LOST]
SESSION = SessionId("s")


def item(kind: InboxType, payload: msgspec.Struct) -> InboxItem:
    event = InboxEvent(event_type=kind, payload=msgspec.Raw(msgspec.json.encode(payload)))
    return InboxItem(event, payload)


def figures(balance: int) -> InboxItem:
    amount = Decimal(balance)
    snapshot = AccountSnapshot(login=77, server="Broker", balance=amount, equity=amount, currency="USD")
    return item(InboxType.ACCOUNT_SNAPSHOT, snapshot)


def withdrawal(time: VirtualTime, amount: int) -> InboxItem:
    operation = BalanceOperation(
        deal_id=amount, kind="withdrawal", amount=Decimal(-amount), currency="USD", executed_at=time.now()
    )
    return item(InboxType.BALANCE_OPERATION, operation)


async def post(instance: Instance, *items: InboxItem, account: AccountId = FOLLOWER) -> Sequence[Outcome]:
    engine = instance.engine
    return await engine.submit(
        Inbox().take(account, items, engine.state, engine.readings, instance.time.now())
    )


def balance(instance: Instance, account: AccountId = FOLLOWER) -> Decimal | None:
    known = instance.engine.readings.figures.get(account)
    return known.balance if known is not None else None


async def fail(instance: Instance, fault: AppendFault, *items: InboxItem) -> None:
    instance.shard.disk.faults.append(fault)
    with pytest.raises(Unavailable):
        await post(instance, *items)
    await instance.until(lambda: instance.engine.phase is Phase.SERVING)


@pytest.mark.parametrize("known", [10_000, None])
@pytest.mark.parametrize("fault", FAULTS)
def test_figures_that_came_with_a_lost_withdrawal_are_taken_back(
    fault: AppendFault, known: int | None
) -> None:
    async def main(time: VirtualTime) -> None:
        instance = await Shard(time).instance().configured()
        if known is not None:
            await post(instance, figures(known))
        told = (withdrawal(time, 4_000), figures(6_000))
        await fail(instance, fault, *told)
        assert balance(instance) == known
        await post(instance, *told)
        assert balance(instance) == 6_000

    run_virtual(1, main)


@pytest.mark.parametrize("fault", FAULTS)
def test_what_was_told_before_a_failure_stays(fault: AppendFault) -> None:
    async def main(time: VirtualTime) -> None:
        instance = await Shard(time).instance().configured(2)
        await post(instance, withdrawal(time, 4_000), figures(6_000))
        await post(instance, figures(7_000), account=LEADER)
        await fail(instance, fault, withdrawal(time, 100))
        assert (balance(instance), balance(instance, LEADER)) == (6_000, 7_000)

    run_virtual(1, main)


@pytest.mark.parametrize("fault", FAULTS)
def test_figures_of_others_that_came_meanwhile_are_asked_for_again(fault: AppendFault) -> None:
    """Their posts fail, too: they were decided on a state that is lost."""

    async def main(time: VirtualTime) -> None:
        instance = await Shard(time).instance().configured()
        await post(instance, figures(7_000), account=LEADER)
        instance.shard.disk.faults.append(fault)
        failed = await asyncio.gather(
            post(instance, withdrawal(time, 4_000), figures(6_000)),
            post(instance, figures(7_100), account=LEADER),
            post(instance, figures(6_100)),
            return_exceptions=True,
        )
        assert [type(error) for error in failed] == [Unavailable] * 3
        await instance.until(lambda: instance.engine.phase is Phase.SERVING)
        assert (balance(instance), balance(instance, LEADER)) == (None, 7_000)

    run_virtual(1, main)


def test_a_look_that_was_taken_back_is_no_old_one() -> None:
    readings = Readings()
    told = Figures(balance=Decimal(6_000), currency="USD", at=START)
    for _ in range(2):
        assert not readings.is_old_look(FOLLOWER, SESSION, 1)
        readings.note_figures(FOLLOWER, told, None, None)
        readings.take_back()
        assert (readings.figures, readings.looks, readings.peaks) == ({}, {}, {})
    assert not readings.is_old_look(FOLLOWER, SESSION, 1)
    readings.note_figures(FOLLOWER, told, None, None)
    readings.prove()
    readings.take_back()
    assert readings.is_old_look(FOLLOWER, SESSION, 1)
    assert readings.figures == {FOLLOWER: told}
