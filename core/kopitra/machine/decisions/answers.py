"""Keep the first answer to an idempotency key."""

from kopitra.machine.answers import recall
from kopitra.machine.commands import RememberAnswer
from kopitra.machine.events import RequestAnswered
from kopitra.machine.outcome import Context, Decision, Result
from kopitra.machine.state import State


def remember_answer(state: State, command: RememberAnswer, context: Context) -> Result:
    """A key that has its answer keeps it."""
    if recall(state.accounts[command.account], command.scope, command.key, context.now) is not None:
        return Decision()
    event = RequestAnswered(
        account=command.account,
        scope=command.scope,
        key=command.key,
        digest=command.digest,
        status=command.status,
        body=command.body,
    )
    return Decision((event,))
