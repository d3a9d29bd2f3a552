"""Operators look at a counterparty and act on it; other tenants' sessions do not exist for them."""

import msgspec

from kopitra.application.management import Asking, ManagementPlane
from kopitra.domain.identifiers import AccountId, DeviceId, SessionId, TenantId
from kopitra.domain.orders import Side
from kopitra.domain.trading import OrderAction, SignalAction
from kopitra.machine import commands
from kopitra.machine.codec import EVENTS
from kopitra.machine.events import HaltMode, HaltScope
from kopitra.machine.outcome import Refusal
from kopitra.protocol.management import (
    KillSwitchAnswer,
    KillSwitchRequest,
    LogPage,
    OrderQueued,
    OrderRequest,
    OutboxView,
    SessionActionAnswer,
)
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from tests.unit.copying.world import TENANT, lots
from tests.unit.engine.shard import FOLLOWER, Instance, Shard, taken

SESSION = SessionId("session-1")
OURS = Asking("olga", TENANT)
THEIRS = Asking("oscar", TenantId("other"))
PLATFORM = Asking("root", None)


async def opened(time: VirtualTime, approved: bool = True) -> tuple[Instance, ManagementPlane]:
    """A follower with a live session, and the plane over its counterparty."""
    shard = Shard(time)
    instance = await shard.instance().configured()
    await instance.do(
        commands.PublishAccount(
            account=FOLLOWER,
            tenant=TENANT,
            revision=1000,
            requires_approval=not approved,
            enrolment_code_hash="code",
        )
    )
    taken(await instance.do(commands.Enrol(code_hash="code", device=DeviceId("pc"), secret_hash="hash")))
    taken(
        await instance.do(
            commands.OpenSession(
                account=FOLLOWER,
                session=SESSION,
                device=DeviceId("pc"),
                nonce="n",
                token_hash="t",
                key_id="k",
            )
        )
    )
    plane = ManagementPlane(
        engine=instance.engine, journal=instance.journal, clock=time, decode=EVENTS.decode
    )
    return instance, plane


def order(action: OrderAction = OrderAction.OPEN) -> OrderRequest:
    return OrderRequest(action=action, symbol="EURUSD", side=Side.BUY, volume=lots("0.1"))


def test_sessions_are_listed_for_their_own_tenant_and_for_the_platform() -> None:
    async def main(time: VirtualTime) -> None:
        instance, plane = await opened(time)
        await instance.send()
        [view] = plane.sessions(OURS).sessions
        assert (view.session_id, view.account, view.status, view.pending_commands) == (
            SESSION,
            FOLLOWER,
            "authenticated",
            1,
        )
        assert plane.sessions(PLATFORM).sessions == [view]
        assert plane.sessions(THEIRS).sessions == []
        assert msgspec.json.encode(plane.sessions(OURS))

    run_virtual(1, main)


def test_another_tenants_session_does_not_exist() -> None:
    async def main(time: VirtualTime) -> None:
        instance, plane = await opened(time)
        before = instance.engine.state.sequence
        for answer in (
            plane.session(THEIRS, SESSION),
            plane.outbox(THEIRS, SESSION, 0, 10),
            await plane.inbox_log(THEIRS, SESSION, cursor=0, limit=10),
            await plane.order(THEIRS, SESSION, order()),
            await plane.release(THEIRS, SESSION),
            await plane.reject(THEIRS, SESSION),
            await plane.approve(THEIRS, SESSION),
        ):
            assert isinstance(answer, Refusal)
        halt = KillSwitchRequest(action="halt", scope=HaltScope.FOLLOWER, target=FOLLOWER)
        assert isinstance(await plane.kill_switch(THEIRS, halt), Refusal)
        assert instance.engine.state.sequence == before

    run_virtual(1, main)


def test_an_order_is_queued_for_the_session_and_looking_at_it_delivers_nothing() -> None:
    async def main(time: VirtualTime) -> None:
        instance, plane = await opened(time)
        queued = await plane.order(OURS, SESSION, order())
        assert isinstance(queued, OrderQueued)
        view = plane.outbox(OURS, SESSION, 0, 100)
        assert isinstance(view, OutboxView)
        [event] = [e for e in view.events if e.event_type == "OrderCommand"]
        assert event.payload.command_id == queued.command_id
        assert instance.engine.readings.delivered == {}
        missing = await plane.order(OURS, SESSION, order(OrderAction.CLOSE))
        assert isinstance(missing, Refusal)
        assert missing.code == "ticket_missing"

    run_virtual(1, main)


def test_release_approve_and_reject_act_on_the_live_session_once() -> None:
    async def main(time: VirtualTime) -> None:
        _, plane = await opened(time, approved=False)
        view = plane.session(OURS, SESSION)
        assert not isinstance(view, Refusal)
        assert view.status == "pending"
        approved = await plane.approve(OURS, SESSION)
        assert isinstance(approved, SessionActionAnswer)
        assert approved.status == "approved"
        released = await plane.release(OURS, SESSION)
        assert isinstance(released, SessionActionAnswer)
        again = await plane.release(OURS, SESSION)
        assert isinstance(again, Refusal)
        assert again.code == "session_not_active"

    run_virtual(1, main)


def test_the_kill_switch_halts_flattens_and_resumes_one_tenants_platform() -> None:
    async def main(time: VirtualTime) -> None:
        instance, plane = await opened(time)
        await instance.send()
        halt = KillSwitchRequest(action="halt", scope=HaltScope.PLATFORM, mode=HaltMode.FLATTEN)
        answer = await plane.kill_switch(OURS, halt)
        assert isinstance(answer, KillSwitchAnswer)
        assert (answer.status, answer.withdrawn, answer.closing) == ("halted", 1, 0)
        planned = await instance.send(ref="p2")
        assert planned.answer["planned"] == 0
        resume = KillSwitchRequest(action="resume", scope=HaltScope.PLATFORM)
        first = await plane.kill_switch(OURS, resume)
        second = await plane.kill_switch(OURS, resume)
        assert isinstance(first, KillSwitchAnswer)
        assert isinstance(second, KillSwitchAnswer)
        assert (first.status, second.status) == ("resumed", "unchanged")
        planned = await instance.send(ref="p3")
        assert planned.answer["planned"] == 1
        nowhere = KillSwitchRequest(action="halt", scope=HaltScope.GROUP)
        assert isinstance(await plane.kill_switch(OURS, nowhere), Refusal)

    run_virtual(1, main)


def test_the_log_shows_what_one_account_said_by_type_and_page() -> None:
    async def main(time: VirtualTime) -> None:
        instance, plane = await opened(time)
        said = commands.TakeInboxEvent(account=FOLLOWER, event_type="ea.error", payload=b'{"code":"x"}')
        other = commands.TakeInboxEvent(account=AccountId("leader"), event_type="ea.error", payload=b"{}")
        await instance.do(said, other, said)
        page = await plane.inbox_log(OURS, SESSION, cursor=0, limit=1, event_type="ea.error")
        assert isinstance(page, LogPage)
        assert page.more
        rest = await plane.inbox_log(OURS, SESSION, cursor=page.cursor, limit=10, event_type="ea.error")
        assert isinstance(rest, LogPage)
        assert [len(page.entries), len(rest.entries), rest.more] == [1, 1, False]
        assert msgspec.to_builtins(msgspec.json.decode(msgspec.json.encode(page)))["entries"][0][
            "payload"
        ] == {"code": "x"}
        all_types = await plane.inbox_log(OURS, SESSION, cursor=0, limit=100)
        assert isinstance(all_types, LogPage)
        assert {e.event_type for e in all_types.entries} == {"ea.error", "ea.symbol_catalog"}

    run_virtual(1, main)


def test_the_feed_of_changes_goes_on_from_its_cursor_and_stays_within_the_tenant() -> None:
    async def main(time: VirtualTime) -> None:
        instance, plane = await opened(time)
        start = (await plane.changes(OURS, 0, 1000)).cursor
        assert start == instance.engine.committed
        await instance.send(SignalAction.OPEN)
        page = await plane.changes(OURS, start, 10)
        assert [change.message_type for change in page.changes] == ["copy.planned"]
        assert (await plane.changes(THEIRS, 0, 1000)).changes == []
        assert b"hash" not in msgspec.json.encode(await plane.changes(PLATFORM, 0, 1000)).replace(
            b"Hash", b""
        )

    run_virtual(1, main)
