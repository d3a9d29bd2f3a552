"""Turn a command into events or a refusal: one table, one function for each command.

Deciding is pure: it reads the state and the context, changes neither, and knows no clock, randomness or environment.
"""

from collections.abc import Callable
from typing import Any

from kopitra.domain.identifiers import AccountId
from kopitra.machine import commands
from kopitra.machine.commands import Command
from kopitra.machine.decisions import (
    answers,
    checkpoints,
    configuration,
    enrolment,
    figures,
    resync,
    sessions,
    settings,
    telemetry,
)
from kopitra.machine.decisions.copying import COPYING
from kopitra.machine.decisions.refusals import account_unknown
from kopitra.machine.outcome import Context, Result
from kopitra.machine.state import State

Handler = Callable[[State, Any, Context], Result]

HANDLERS: dict[type[Command], Handler] = {
    commands.PublishAccount: configuration.publish_account,
    commands.PublishGroup: configuration.publish_group,
    commands.PublishSubscription: configuration.publish_subscription,
    commands.PublishSettings: settings.publish_settings,
    commands.Enrol: enrolment.enrol,
    commands.OpenSession: sessions.open_session,
    commands.EndSession: sessions.end_session,
    commands.ApproveSession: sessions.approve_session,
    commands.TakeInboxEvent: telemetry.take_inbox_event,
    commands.TakeCatalog: telemetry.take_catalog,
    commands.TakeFigures: figures.take_figures,
    commands.TakeBalance: telemetry.take_balance,
    commands.RequestResync: resync.request_resync,
    commands.Checkpoint: checkpoints.checkpoint,
    commands.RememberAnswer: answers.remember_answer,
    **COPYING,
}


FOR_STRANGERS = frozenset({commands.PublishAccount, commands.OpenSession})
"""Commands that may name an account nobody knows: one makes it, the other must not tell that it is unknown."""


def decide(state: State, command: Command, context: Context) -> Result:
    """Events that answer the command, or a refusal. Any error is a defect, and changes nothing."""
    account: AccountId | None = getattr(command, "account", None)
    if account is not None and account not in state.accounts and type(command) not in FOR_STRANGERS:
        return account_unknown(account)
    return HANDLERS[type(command)](state, command, context)
