"""Operators see how near guards are to their limits, and reset those that were hit."""

from decimal import Decimal

from kopitra.application.guard_desk import GuardDesk
from kopitra.application.management import Asking
from kopitra.domain.guards import Guard, GuardKind, GuardReset, GuardUnit
from kopitra.domain.identifiers import TenantId
from kopitra.domain.periods import Period
from kopitra.domain.settings import CopySettings, SettingsScope
from kopitra.domain.telemetry import AccountSnapshot
from kopitra.machine.commands import PublishSettings, TakeFigures
from kopitra.machine.outcome import Refusal
from kopitra.machine.readings import Figures
from kopitra.protocol.management_guards import GuardResetAnswer, GuardResetRequest
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from tests.unit.engine.shard import FOLLOWER, TENANT, Instance, Shard

OURS = Asking("op", TENANT)
THEIRS = Asking("other", TenantId("elsewhere"))
EVERYBODY = Asking("root", None)
DAILY = Guard(
    name="daily",
    kind=GuardKind.LOSS,
    limit=Decimal(500),
    unit=GuardUnit.MONEY,
    period=Period.DAY,
    reset_by=GuardReset.PERIOD,
)
POSITIONS = Guard(name="most", kind=GuardKind.OPEN_POSITIONS, limit=Decimal(4), unit=GuardUnit.COUNT)
SUM = Guard(name="sum", kind=GuardKind.OPEN_POSITIONS, limit=Decimal(10), unit=GuardUnit.COUNT, each=False)


async def guarded(time: VirtualTime) -> tuple[Instance, GuardDesk]:
    instance = await Shard(time).instance().configured()
    layer = PublishSettings(
        scope=SettingsScope.PLATFORM,
        target="",
        tenant=TENANT,
        revision=1,
        settings=CopySettings(),
        guards=(DAILY, POSITIONS, SUM),
    )
    await instance.engine.submit([layer])
    return instance, GuardDesk(engine=instance.engine, clock=time)


async def tell(time: VirtualTime, instance: Instance, equity: int) -> None:
    snapshot = AccountSnapshot(
        login=1, server="S", balance=Decimal(10000), equity=Decimal(equity), currency="USD"
    )
    figures = Figures(balance=snapshot.balance, currency="USD", at=time.now(), equity=snapshot.equity)
    instance.engine.readings.note_figures(FOLLOWER, figures, None, None)
    await instance.engine.submit([TakeFigures(account=FOLLOWER, snapshot=snapshot)])


def test_operators_see_how_much_of_each_limit_is_used() -> None:
    async def main(time: VirtualTime) -> None:
        instance, desk = await guarded(time)
        unknown = desk.standing(OURS).guards
        assert next(g.unknown for g in unknown if g.name == "daily" and g.account == FOLLOWER)
        await tell(time, instance, 10000)
        await instance.send()
        await tell(time, instance, 9900)
        found = {(g.account, g.name): g for g in desk.standing(OURS).guards}
        assert found[FOLLOWER, "daily"].used == Decimal("0.2")
        assert found[FOLLOWER, "most"].used == Decimal("0.25")
        assert found[None, "sum"].amount == 1
        assert found[FOLLOWER, "daily"].held is None
        assert {g.account for g in desk.standing(EVERYBODY, FOLLOWER).guards} == {FOLLOWER}
        assert desk.standing(THEIRS).guards == []

    run_virtual(1, main)


def test_operators_reset_what_a_guard_has_stopped() -> None:
    async def main(time: VirtualTime) -> None:
        instance, desk = await guarded(time)
        await tell(time, instance, 10000)
        await tell(time, instance, 9500)
        [held] = [g.held for g in desk.standing(OURS).guards if g.held is not None]
        assert held.until is not None
        request = GuardResetRequest(scope=SettingsScope.PLATFORM, name="daily")
        refused = await desk.reset(EVERYBODY, request)
        assert isinstance(refused, Refusal)
        assert refused.code == "guard_target_missing"
        theirs = GuardResetRequest(scope=SettingsScope.PLATFORM, name="daily", target=TENANT)
        assert isinstance(await desk.reset(THEIRS, theirs), Refusal)
        first, second = await desk.reset(OURS, request), await desk.reset(OURS, request)
        assert isinstance(first, GuardResetAnswer)
        assert isinstance(second, GuardResetAnswer)
        assert (first.status, first.lifted, second.status, second.lifted) == ("reset", 1, "unchanged", 0)

    run_virtual(1, main)


def test_an_account_that_reports_the_same_figures_costs_no_write() -> None:
    async def main(time: VirtualTime) -> None:
        instance, _ = await guarded(time)
        await tell(time, instance, 10000)
        before = instance.engine.committed
        for _ in range(50):
            await time.sleep(1)
            await tell(time, instance, 10000)
        assert instance.engine.committed == before

    run_virtual(1, main)
