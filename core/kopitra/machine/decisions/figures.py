"""What an account's figures mean beside being the latest: usually nothing."""

from collections.abc import Iterator

from kopitra.domain.telemetry import AccountSnapshot
from kopitra.machine.commands import TakeFigures
from kopitra.machine.decisions.guard_watch import watch
from kopitra.machine.decisions.standing_still import Sweep
from kopitra.machine.events import AnyEvent, MarginModeKnown
from kopitra.machine.outcome import Context, Decision, Result
from kopitra.machine.state import Account, State


def take_figures(state: State, command: TakeFigures, context: Context) -> Result:
    account = state.accounts[command.account]
    if of_another_login(account, command.snapshot):
        return Decision()
    return Decision((*_news(account, command.snapshot), *watch(account, Sweep(state, context))))


def of_another_login(account: Account, snapshot: AccountSnapshot) -> bool:
    """Whether these figures are of an account other than the one whose book is known: they say nothing about it."""
    return account.login is not None and (account.login, account.server) != (snapshot.login, snapshot.server)


def _news(account: Account, snapshot: AccountSnapshot) -> Iterator[AnyEvent]:
    if snapshot.mode is not account.mode:
        yield MarginModeKnown(account=account.account, mode=snapshot.mode)
