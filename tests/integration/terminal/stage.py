"""A terminal process for a test, and clients that end with it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kopitra.domain.quotes import Quote
from kopitra.simulation.broker.profiles import MT5, AccountTerms, BrokerProfile
from kopitra_terminal.adapters.launch import TerminalProcess
from kopitra_terminal.client import VirtualTerminal
from kopitra_terminal.control import BrokerControl
from kopitra_terminal.settings import AccountSettings, ProcessSettings
from tests.unit.broker.house import D, spec

LOGIN = 42
QUOTES = (Quote("EURUSD", D("1.10000"), D("1.10010")), Quote("USDJPY", D("150.000"), D("150.010")))


def account(login: int = LOGIN, profile: BrokerProfile = MT5, **terms: Any) -> AccountSettings:
    return AccountSettings(
        terms=AccountTerms(login=login, **terms),
        profile=profile,
        symbols=(spec("EURUSD"), spec("USDJPY")),
        deposit=D(100_000_000),
    )


@dataclass
class Stage:
    process: TerminalProcess
    _clients: list[VirtualTerminal] = field(default_factory=list[VirtualTerminal])
    _controls: list[BrokerControl] = field(default_factory=list[BrokerControl])

    def terminal(self, login: int = LOGIN) -> VirtualTerminal:
        self._clients.append(VirtualTerminal(self.process.address, login, answer_seconds=10))
        return self._clients[-1]

    def control(self, login: int = LOGIN) -> BrokerControl:
        self._controls.append(BrokerControl(self.process.address, login, answer_seconds=10))
        return self._controls[-1]

    async def end(self) -> None:
        for client in self._clients:
            await client.close()
        for control in self._controls:
            await control.disconnect()
        await self.process.kill()


@asynccontextmanager
async def staged(
    folder: Path, *accounts: AccountSettings, listen: str = "127.0.0.1:0"
) -> AsyncGenerator[Stage]:
    """A running process with these accounts and quotes for both symbols."""
    settings = ProcessSettings(
        listen=listen, folder=str(folder / "accounts"), accounts=accounts or (account(),)
    )
    stage = Stage(TerminalProcess(settings, folder / "settings.json"))
    try:
        await stage.process.start()
        login = settings.accounts[0].terms.login
        await stage.control(login).set_quotes(QUOTES)
        yield stage
    finally:
        await stage.end()
