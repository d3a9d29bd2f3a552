"""What EAs tell of their accounts, where it is worth remembering."""

from kopitra.machine.commands import TakeBalance, TakeCatalog, TakeInboxEvent
from kopitra.machine.decisions.guard_flows import moved_marks
from kopitra.machine.events import BalanceChanged, CatalogKept, InboxRecorded
from kopitra.machine.outcome import Context, Decision, Result
from kopitra.machine.state import State


def take_inbox_event(state: State, command: TakeInboxEvent, context: Context) -> Result:
    event = InboxRecorded(
        account=command.account,
        event_type=command.event_type,
        payload=command.payload,
        event_id=command.event_id,
        occurred_at=command.occurred_at,
    )
    return Decision((event,))


def take_catalog(state: State, command: TakeCatalog, context: Context) -> Result:
    """A catalogue like the one that is kept is no news: EAs send theirs at every start."""
    if state.accounts[command.account].catalog_digest == command.digest:
        return Decision()
    return Decision((CatalogKept(account=command.account, digest=command.digest, symbols=command.symbols),))


def take_balance(state: State, command: TakeBalance, context: Context) -> Result:
    """A deposit or withdrawal counts once, however often its deal is reported; guards' marks move along with it."""
    if str(command.operation.deal_id) in state.accounts[command.account].balance_deals:
        return Decision()
    changed = BalanceChanged(account=command.account, operation=command.operation)
    return Decision((changed, *moved_marks(state.accounts[command.account], command.operation, context.now)))
