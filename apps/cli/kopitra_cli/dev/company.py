"""A leader and two followers with virtual terminals, for a platform under development: they trade all day long."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import msgspec

from kopitra.application.ports.identity import IdSource
from kopitra.application.ports.timing import Sleeper
from kopitra.domain.identifiers import AccountId
from kopitra.domain.orders import Side
from kopitra.domain.quotes import Quote
from kopitra.simulation.histories.sample import sample_history
from kopitra_agent.ports.terminal import TerminalUnavailable
from kopitra_cli.adapters.commands_queue import commands_queue, issue_of
from kopitra_cli.adapters.processes import ChildProcess
from kopitra_cli.configuration.document import read_document
from kopitra_cli.configuration.operations import messages_of, operations_of
from kopitra_cli.demo.account_processes import AccountProcesses
from kopitra_cli.demo.cast import Account, Cast, cast_for
from kopitra_cli.demo.paperwork import enrolment_codes, opening_file
from kopitra_cli.dev.services import LOGS, Services
from kopitra_terminal.control import BrokerControl

PUBLISHER = "kopitra-dev"
CODES_FILE = "enrolment-codes.json"
QUEUES_FILE = "queues.sqlite"
TICK_SECONDS = 1.0
ROUND_TICKS = 30
OPENING_TICK, CLOSING_TICK = 3, 18
"""A position is opened in each round, and closed some time later."""
WAVE_TICKS = 120
BASE_PRICE = Decimal("1.10000")
STEP = Decimal("0.00002")
SPREAD = Decimal("0.00010")
VOLUME = Decimal("0.10")
SYMBOL = "EURUSD"
DEPOSIT = Decimal(100_000)
"""The leader's own history begins without money."""


class Company:
    """`follow` is told of every process before it is started, and sees to its end."""

    def __init__(
        self, services: Services, ids: IdSource, sleeper: Sleeper, follow: Callable[[ChildProcess], None]
    ) -> None:
        cast = cast_for(sample_history())
        _, fixed, _, small, _ = cast.followers
        leader = msgspec.structs.replace(cast.leader, deposit=DEPOSIT)
        self._cast = Cast(leader=leader, followers=(fixed, small), conversion=None)
        self._services = services
        self._ids = ids
        self._sleeper = sleeper
        self._follow = follow
        self._folder = services.data / "terminals"
        self._processes = AccountProcesses(self._folder, services.data / LOGS)

    async def run(self) -> None:
        """Until cancelled. Raises StartFailed, QueueError, OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        codes = await self._enrolment_codes(self._folder / CODES_FILE)
        brokers = {
            account.account: await self._start(account, codes[account.account])
            for account in self._cast.accounts
        }
        await self._trade(brokers)

    async def _start(self, account: Account, code: str) -> BrokerControl:
        self._processes.write_settings(account)
        terminal = self._processes.terminal(account)
        self._follow(terminal)
        await terminal.start()
        agent = self._processes.agent(
            account,
            leads=account is self._cast.leader,
            base_url=self._services.counterparty_url,
            terminal=terminal.said,
            enrolment_code=code,
        )
        self._follow(agent)
        await agent.start()
        return BrokerControl(terminal.said, account.login)

    async def _enrolment_codes(self, file: Path) -> dict[AccountId, str]:
        """Those of the first start, when accounts, group and subscriptions are published: what operators change later
        stays changed."""
        codes = _kept(file)
        if codes is None:
            codes = enrolment_codes(self._cast, self._ids.token_bytes)
            document = read_document(opening_file(self._cast, codes), "the company")
            operations = operations_of(document, issue_of(PUBLISHER, None))
            await commands_queue(self._services.data / QUEUES_FILE).send(messages_of(operations))
            _keep(file, codes)
        return codes

    async def _trade(self, brokers: Mapping[AccountId, BrokerControl]) -> None:
        leader = brokers[self._cast.leader.account]
        position: int | None = None
        tick = 0
        while True:
            with suppress(TerminalUnavailable):
                await asyncio.gather(*self._show(brokers, tick))
                if tick % ROUND_TICKS == CLOSING_TICK and position is not None:
                    await leader.close(SYMBOL, position)
                    position = None
                elif tick % ROUND_TICKS == OPENING_TICK:
                    position = (await leader.open(SYMBOL, Side.BUY, VOLUME)).position_id
            tick += 1
            await self._sleeper.sleep(TICK_SECONDS)

    def _show(self, brokers: Mapping[AccountId, BrokerControl], tick: int) -> Iterator[Awaitable[object]]:
        bid = BASE_PRICE + STEP * abs(tick % WAVE_TICKS - WAVE_TICKS // 2)
        for account in self._cast.accounts:
            quote = Quote(symbol=account.names[SYMBOL], bid=bid, ask=bid + SPREAD)
            yield brokers[account.account].set_quotes([quote])


def _kept(file: Path) -> dict[AccountId, str] | None:
    if not file.exists():
        return None
    return msgspec.json.decode(file.read_bytes(), type=dict[AccountId, str])


def _keep(file: Path, codes: Mapping[AccountId, str]) -> None:
    file.write_bytes(msgspec.json.encode(codes))
