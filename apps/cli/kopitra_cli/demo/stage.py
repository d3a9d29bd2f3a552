"""The demonstration's processes: a counterparty with the management side beside it, a broker with its terminal and an
agent for each account."""

import asyncio
from base64 import b64encode
from collections.abc import Callable, Coroutine, Iterable, Sequence
from pathlib import Path

import msgspec

from kopitra.application.ports.identity import IdSource
from kopitra.application.ports.timing import Clock, Sleeper
from kopitra.domain.identifiers import AccountId
from kopitra_cli.adapters.operator_desk import OperatorDesk
from kopitra_cli.adapters.processes import ChildProcess, python_module
from kopitra_cli.demo.account_processes import AccountProcesses
from kopitra_cli.demo.broker_story import BrokerStory, story_of
from kopitra_cli.demo.cast import Account, Cast
from kopitra_cli.demo.paperwork import TENANT
from kopitra_functions.settings import PREFIX as FUNCTIONS
from kopitra_terminal.account_folder import read_account
from kopitra_terminal.control import BrokerControl

SHARD = "main"
LOOPBACK = "127.0.0.1"
COUNTERPARTY = "KOPITRA_"
COUNTERPARTY_LISTENING = r'"port":\s*(\d+)'
FUNCTIONS_LISTENING = r"listening on (\S+)"
DRAIN_SCHEDULE = "history_drain=*/2 * * * * *"
"""Written as it comes, every two seconds: a demonstration is over before history would be due anywhere else."""
TELEMETRY_SECONDS = "5"
KEY_BYTES = 32
REQUESTS_PER_SECOND = 1000
"""A compressed history signals faster than any real leader; the limit is another test's matter."""


class Stage:
    """Everything lives in `folder`, the processes' output included. `start` and `stop` belong together."""

    def __init__(self, folder: Path, cast: Cast, clock: Clock, sleeper: Sleeper, ids: IdSource) -> None:
        self.folder = folder
        self.cast = cast
        self.codes: dict[AccountId, str] = {}
        """One-time codes of the accounts, once the management side has issued them."""
        self.data = folder / "counterparty"
        self._logs = folder / "logs"
        self._processes = AccountProcesses(folder, self._logs)
        self._keys = msgspec.json.encode({"k1": b64encode(ids.token_bytes(KEY_BYTES)).decode()}).decode()
        self.operator = OperatorDesk(self.data, TENANT, clock, sleeper, ids)
        self.counterparty = self._counterparty(port=0)
        self.functions = self._functions(port=0)
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
    def database(self) -> Path:
        """The management side's SQL."""
        return self.data / "management.sqlite"

    @property
    def blobs(self) -> Path:
        return self.data / "blobs"

    @property
    def processes(self) -> Sequence[ChildProcess]:
        return [*self.agents.values(), *self.terminals.values(), self.counterparty, self.functions]

    async def start(self) -> None:
        """Both services and the terminals; agents come when they are configured. Raises StartFailed."""
        self._logs.mkdir(parents=True, exist_ok=True)
        self.data.mkdir(parents=True, exist_ok=True)
        for account in self.cast.accounts:
            self._processes.write_settings(account)
        await _together(process.start for process in (self.counterparty, *self.terminals.values()))
        self.counterparty.environment["KOPITRA_PORT"] = self.counterparty.said
        self.functions.environment[f"{FUNCTIONS}COUNTERPARTY_URL"] = self.url
        await self.functions.start()
        self.functions.command = _functions_command(int(self.functions.said.rpartition(":")[2]))
        self.operator.visit(self.url, self.functions.said)
        for account in self.cast.accounts:
            address = self.terminals[account.account].said
            self._processes.write_settings(account, address)
            self.brokers[account.account] = BrokerControl(address, account.login)

    async def start_agents(self) -> None:
        """Raises StartFailed."""
        for account in self.cast.accounts:
            self.agents[account.account] = self._agent(account)
        await _together(process.start for process in self.agents.values())

    async def stop_agents(self) -> None:
        """Nobody tells the counterparty anything from now on."""
        await asyncio.gather(*(agent.stop() for agent in self.agents.values()))

    async def stop(self) -> None:
        """End everything, agents first; nothing of it is left when this returns."""
        await self.operator.leave()
        for control in self.brokers.values():
            await control.disconnect()
        services = [self.counterparty, self.functions]
        for group in (self.agents.values(), services, self.terminals.values()):
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
            "KOPITRA_TELEMETRY_FILE": str(self._logs / "counterparty.telemetry"),
            "KOPITRA_TELEMETRY_SECONDS": TELEMETRY_SECONDS,
            **self.operator.settings(COUNTERPARTY),
        }
        return ChildProcess(
            "counterparty",
            python_module("kopitra_counterparty"),
            environment=environment,
            log=self._logs / "counterparty.log",
            ready=COUNTERPARTY_LISTENING,
        )

    def _functions(self, port: int) -> ChildProcess:
        environment = {
            "DATA_FOLDER": str(self.data),
            "SHARD": SHARD,
            "DRAIN_MESSAGES": "1",
            "LOG_LEVEL": "info",
            "TELEMETRY_FILE": str(self._logs / "functions.telemetry"),
            "TELEMETRY_SECONDS": TELEMETRY_SECONDS,
        }
        return ChildProcess(
            "management side",
            _functions_command(port),
            environment={f"{FUNCTIONS}{name}": value for name, value in environment.items()}
            | dict(self.operator.settings(FUNCTIONS)),
            log=self._logs / "functions.log",
            ready=FUNCTIONS_LISTENING,
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


def _functions_command(port: int) -> list[str]:
    arguments = ("--host", LOOPBACK, "--port", str(port), "--schedule", DRAIN_SCHEDULE)
    return python_module("kopitra_cli", "functions", *arguments)


async def _together(starts: Iterable[Callable[[], Coroutine[None, None, None]]]) -> None:
    async with asyncio.TaskGroup() as group:
        for start in starts:
            group.create_task(start())
