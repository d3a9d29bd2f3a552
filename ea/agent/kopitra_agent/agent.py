"""The agent's life: get to know the account, enrol, run, and leave nothing unsaid at the end.

Crash-only: an error that no part expected ends the run, and the next start recovers as it would after a kill.
"""

import asyncio
from collections.abc import Awaitable, Coroutine
from datetime import timedelta
from typing import Any, TypeVar

import structlog

from kopitra_agent.account import Owner
from kopitra_agent.hand.records import Began
from kopitra_agent.link.circuit import Circuit
from kopitra_agent.link.enrolment import secret_of
from kopitra_agent.link.exchange import Exchange
from kopitra_agent.link.session import SessionKeeper
from kopitra_agent.ports.terminal import Terminal, TerminalAccount, TerminalUnavailable
from kopitra_agent.settings import AgentSettings
from kopitra_agent.wiring import AgentPorts, Assembly, HandParts, Parts

TERMINAL_PAUSE_SECONDS = 0.5
FINISH_SECONDS = 6.0
"""At the end: for a trade that is being sent to be answered (a slow broker takes 5 s)."""
TELL_SECONDS = 3.0
"""At the end: for reports to be answered. What is not is told after the next start."""
LOOK_SECONDS = 0.05
REDELIVERED_WITHIN = timedelta(minutes=5)
"""An open that was traded longer ago is not delivered again: it would be stale."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("kopitra.agent")


class Agent:
    """One account's Expert Advisor. Build it with `bootstrap.build_agent`."""

    def __init__(self, settings: AgentSettings, terminal: Terminal, ports: AgentPorts) -> None:
        self._settings = settings
        self._terminal = terminal
        self._ports = ports
        self._exchange = Exchange(
            ports.transport,
            Circuit(),
            ports.clock,
            ports.sleeper,
            settings.account,
            settings.request_timeout_seconds,
        )
        self._keeper = SessionKeeper(settings, self._exchange, ports.sleeper, ports.ids)

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then finish what is under way, report it, and release the session.

        Raises EnrolmentRefused, NoSecret, StorageCorrupt; while serving in an exception group (LoginChanged).
        """
        try:
            parts = await _first(self._prepare(), stop.wait())
            if parts is not None:
                await self._serve(parts, stop)
        finally:
            await self._ports.transport.close()
            self._ports.storage.close()

    async def _prepare(self) -> Parts:
        account = await self._synchronised_account()
        ports = self._ports
        secret = await secret_of(self._settings, ports.storage, self._exchange, ports.sleeper, ports.ids)
        self._keeper.use_secret(secret)
        owner = Owner.of(account)
        assembly = Assembly(self._settings, ports, self._terminal, owner, self._exchange, self._keeper)
        parts = assembly.build()
        if parts.hand is not None and not parts.hand.memory.state.began:
            await self._begin(parts.hand, owner.netting)
        return parts

    async def _serve(self, parts: Parts, stop: asyncio.Event) -> None:
        tasks: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as group:

            def spawn(work: Coroutine[Any, Any, None]) -> None:
                task = group.create_task(work)
                tasks.add(task)
                task.add_done_callback(tasks.discard)

            if parts.hand is not None:
                parts.hand.desk.start(spawn)
            poll = group.create_task(parts.poller.run())
            tasks.add(poll)
            spawn(parts.watch.run())
            spawn(parts.courier.run())
            if parts.lead is not None:
                spawn(parts.lead.sender.run())
            await stop.wait()
            poll.cancel()
            await self._finish(parts)
            for task in list(tasks):
                task.cancel()

    async def _finish(self, parts: Parts) -> None:
        sleeper = self._ports.sleeper
        if parts.hand is not None:
            await _first(parts.hand.desk.idle(), sleeper.sleep(FINISH_SECONDS))
        await _first(self._told(parts), sleeper.sleep(TELL_SECONDS))
        await _first(self._keeper.release(), sleeper.sleep(TELL_SECONDS))

    async def _told(self, parts: Parts) -> None:
        parts.courier.bell.ring()
        while _untold(parts):
            await self._ports.sleeper.sleep(LOOK_SECONDS)

    async def _synchronised_account(self) -> TerminalAccount:
        """The account, once its terminal is up and complete: before that nothing it shows can be relied on."""
        while True:
            try:
                account = await self._terminal.account()
                if account.connected and account.synchronised:
                    return account
            except TerminalUnavailable as error:
                log.info("terminal.away", error=str(error))
            await self._ports.sleeper.sleep(TERMINAL_PAUSE_SECONDS)

    async def _begin(self, hand: HandParts, netting: bool) -> None:
        """A fresh log. Magic numbers that live already may be of copies whose log was lost; a net position shows one of
        them at most, so there the latest deals are asked, too."""
        while True:
            try:
                positions = await self._terminal.positions()
                orders = await self._terminal.orders()
                ledger = (await self._terminal.account()).ledger
                traded = await self._traded_lately() if netting else set[int]()
            except TerminalUnavailable:
                await self._ports.sleeper.sleep(TERMINAL_PAUSE_SECONDS)
                continue
            magics = {p.magic for p in positions} | {o.magic for o in orders} | traded
            hand.memory.record(Began(cursor=ledger, strangers=sorted(magics - {0})))
            return

    async def _traded_lately(self) -> set[int]:
        since = self._ports.clock.now() - REDELIVERED_WITHIN
        return {deal.magic for deal in await self._terminal.deals(0) if deal.executed_at >= since}


def _untold(parts: Parts) -> bool:
    hand, lead = parts.hand, parts.lead
    return (
        parts.courier.busy
        or (hand is not None and hand.reports.pending() > 0)
        or (lead is not None and bool(lead.memory.state.held))
    )


T = TypeVar("T")


async def _first(main: Awaitable[T], other: Awaitable[object]) -> T | None:
    """The result of `main`, or None when `other` comes first; what is left is cancelled."""
    doing = asyncio.ensure_future(main)
    waiting = asyncio.ensure_future(other)
    try:
        await asyncio.wait((doing, waiting), return_when=asyncio.FIRST_COMPLETED)
        return doing.result() if doing.done() else None
    finally:
        for future in (doing, waiting):
            future.cancel()
        await asyncio.gather(doing, waiting, return_exceptions=True)
