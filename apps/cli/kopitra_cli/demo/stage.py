"""The demonstration's processes: a counterparty, a broker with its terminal and an agent for each account."""

import asyncio
from base64 import b64encode
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from kopitra.application.ports.identity import IdSource
from kopitra.application.ports.timing import Clock
from kopitra.domain.identifiers import AccountId
from kopitra_cli.adapters.commands_queue import commands_queue, issue_of
from kopitra_cli.adapters.operator_desk import OperatorDesk
from kopitra_cli.adapters.processes import ChildProcess, python_module
from kopitra_cli.configuration.document import read_document
from kopitra_cli.configuration.operations import messages_of, operations_of
from kopitra_cli.demo.account_processes import AccountProcesses
from kopitra_cli.demo.broker_story import BrokerStory, story_of
from kopitra_cli.demo.cast import Account, Cast
from kopitra_cli.demo.paperwork import TENANT, enrolment_codes
from kopitra_terminal.account_folder import read_account
from kopitra_terminal.control import BrokerControl

SHARD = "main"
LOOPBACK = "127.0.0.1"
COUNTERPARTY_LISTENING = r'"port":\s*(\d+)'
OPERATOR = "demonstration"
KEY_BYTES = 32
REQUESTS_PER_SECOND = 1000
"""A compressed history signals faster than any real leader; the limit is another test's matter."""


class Stage:
    """Everything lives in `folder`, the processes' output included. `start` and `stop` belong together."""

    def __init__(self, folder: Path, cast: Cast, clock: Clock, ids: IdSource) -> None:
        self.folder = folder
        self.cast = cast
        self.codes = enrolment_codes(cast, ids.token_bytes)
        self.data = folder / "counterparty"
        self._logs = folder / "logs"
        self._processes = AccountProcesses(folder, self._logs)
        self._keys = msgspec.json.encode({"k1": b64encode(ids.token_bytes(KEY_BYTES)).decode()}).decode()
        self._revision = 0
        self.operator = OperatorDesk(folder, clock, TENANT)
        self.counterparty = self._counterparty(port=0)
        self.terminals = {account.account: self._processes.terminal(account) for account in cast.accounts}
        self.agents: dict[AccountId, ChildProcess] = {}
        self.brokers: dict[AccountId, BrokerControl] = {}
        self.through: dict[AccountId, str] = {}
        """Where an agent finds its terminal, if not at the terminal itself."""

    @property
    def journal(self) -> Path:
        return self.data / f"{SHARD}.journal"

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.counterparty.said}"

    @property
    def queue(self) -> Path:
        return self.data / "queues.sqlite"

    @property
    def processes(self) -> Sequence[ChildProcess]:
        return [*self.agents.values(), *self.terminals.values(), self.counterparty]

    async def start(self) -> None:
        """Counterparty and terminals; agents come when they are configured. Raises StartFailed."""
        self._logs.mkdir(parents=True, exist_ok=True)
        self.data.mkdir(parents=True, exist_ok=True)
        for account in self.cast.accounts:
            self._processes.write_settings(account)
        await _together([self.counterparty, *self.terminals.values()])
        self.counterparty.environment["KOPITRA_PORT"] = self.counterparty.said
        self.operator.visit(self.url)
        for account in self.cast.accounts:
            address = self.terminals[account.account].said
            self._processes.write_settings(account, address)
            self.brokers[account.account] = BrokerControl(address, account.login)

    async def start_agents(self) -> None:
        """Raises StartFailed."""
        for account in self.cast.accounts:
            self.agents[account.account] = self._agent(account)
        await _together(self.agents.values())

    async def apply(self, text: str, name: str) -> None:
        """Publish a configuration file as `kopitra apply` does. Raises ConfigurationInvalid, QueueError."""
        file = self.folder / name
        file.write_text(text)
        self._revision += 1
        issue = issue_of(OPERATOR, self._revision)
        operations = operations_of(read_document(file.read_text(), str(file)), issue)
        await commands_queue(self.queue).send(messages_of(operations))

    async def stop(self) -> None:
        """End everything, agents first; nothing of it is left when this returns."""
        await self.operator.leave()
        for control in self.brokers.values():
            await control.disconnect()
        for group in (self.agents.values(), [self.counterparty], self.terminals.values()):
            await asyncio.gather(*(process.stop() for process in group))

    async def kill(self) -> None:
        """End everything at once."""
        await asyncio.gather(*(process.kill() for process in self.processes), return_exceptions=True)

    def story(self, account: AccountId) -> BrokerStory:
        """What the account's broker wrote down, while it runs or after. Raises StateDamaged, LogDamaged."""
        at = next(each for each in self.cast.accounts if each.account == account)
        return story_of(*read_account(self._processes.broker_folder(at) / str(at.login)))

    def _counterparty(self, port: int) -> ChildProcess:
        environment = {
            "KOPITRA_DATA_FOLDER": str(self.data),
            "KOPITRA_HOST": LOOPBACK,
            "KOPITRA_PORT": str(port),
            "KOPITRA_SHARD": SHARD,
            "KOPITRA_TOKEN_KEYS": self._keys,
            "KOPITRA_TOKEN_KEY_ID": "k1",
            "KOPITRA_RATE_LIMIT_PER_SECOND": str(REQUESTS_PER_SECOND),
            "KOPITRA_RATE_LIMIT_BURST": str(REQUESTS_PER_SECOND),
            "KOPITRA_LOG_LEVEL": "info",
            **self.operator.settings(),
        }
        return ChildProcess(
            "counterparty",
            python_module("kopitra_counterparty"),
            environment=environment,
            log=self._logs / "counterparty.log",
            ready=COUNTERPARTY_LISTENING,
        )

    def _agent(self, account: Account) -> ChildProcess:
        name = account.account
        return self._processes.agent(
            account,
            leads=name == self.cast.leader.account,
            base_url=self.url,
            terminal=self.through.get(name, self.terminals[name].said),
            enrolment_code=self.codes[name],
        )


async def _together(processes: Iterable[ChildProcess]) -> None:
    async with asyncio.TaskGroup() as group:
        for process in processes:
            group.create_task(process.start())
