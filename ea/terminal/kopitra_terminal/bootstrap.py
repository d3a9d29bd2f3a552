"""Wires a terminal process: folders, brokers, desks, the socket, and a clean end at SIGTERM."""

import asyncio
import signal
import sys
from contextlib import suppress
from pathlib import Path

from kopitra.adapters.embedded.timing import SystemClock, SystemSleeper
from kopitra.application.ports.timing import Clock, Sleeper
from kopitra.simulation.broker.broker import SimulatedBroker
from kopitra.simulation.broker.operations import Balance
from kopitra.simulation.broker.records import DealKind
from kopitra.simulation.broker.state import BrokerState, new_account
from kopitra_terminal.account_folder import AccountFolder
from kopitra_terminal.address import Address
from kopitra_terminal.desk import Desk
from kopitra_terminal.server import TerminalServer
from kopitra_terminal.settings import AccountSettings, ProcessSettings

TICK_SECONDS = 0.2
"""How late a pending order may expire when nobody looks at the account."""
READY = "listening on"
"""What the process prints, followed by its address, once it answers."""


async def run_terminals(settings: ProcessSettings) -> None:
    """Serve until SIGTERM or SIGINT. Raises what made the process unfit to go on."""
    clock, sleeper = SystemClock(), SystemSleeper()
    folders = [
        AccountFolder(
            Path(settings.folder) / str(account.terms.login),
            lambda account=account: first_state(account, clock),
            fsync=settings.fsync,
            keep_operations=settings.keep_operations,
        )
        for account in settings.accounts
    ]
    desks = {folder.broker.state.terms.login: Desk(folder.broker, clock, sleeper) for folder in folders}
    terminals = TerminalServer(desks)
    server, address = await Address.parse(settings.listen).listen(terminals.serve)
    print(f"{READY} {address}", flush=True)  # noqa: T201 - the parent process reads it
    ends = [
        asyncio.ensure_future(work) for work in (_told_to_stop(), terminals.failed(), _tick(desks, sleeper))
    ]
    try:
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        for folder in folders:
            folder.compact()
    finally:
        for task in ends:
            task.cancel()
        server.close()
        for folder in folders:
            folder.close()


def first_state(account: AccountSettings, clock: Clock) -> BrokerState:
    """An account on its first day, with its first deposit in the ledger."""
    state = new_account(account.terms, account.profile, account.symbols, clock.now())
    if account.deposit:
        deposit = Balance(at=clock.now(), kind=DealKind.DEPOSIT, amount=account.deposit)
        SimulatedBroker(state).apply(deposit)
    return state


async def _tick(desks: dict[int, Desk], sleeper: Sleeper) -> None:
    while True:
        await sleeper.sleep(TICK_SECONDS)
        for desk in desks.values():
            desk.pass_time()


async def _told_to_stop() -> None:
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    await told.wait()


def run(settings: ProcessSettings) -> int:
    """The process's exit code: 0 after SIGTERM, 1 with the reason on stderr otherwise."""
    with suppress(KeyboardInterrupt):
        try:
            asyncio.run(run_terminals(settings))
        except Exception as error:  # noqa: BLE001 - the last chance to say why the process ends
            print(f"terminal process ends: {error!r}", file=sys.stderr)  # noqa: T201
            return 1
    return 0
