"""The tasks that there are: what each does, who may start it, and what it is told."""

from datetime import timedelta
from typing import Any

import msgspec

from kopitra.protocol.management import Role
from kopitra.protocol.messages import FieldError
from kopitra.simulation.whatif.plan import problems_of
from kopitra_functions.tasks.parameters import (
    LEAST_DAYS_KEPT,
    MOST_DAYS,
    Export,
    FullResync,
    Parameters,
    Purge,
    Rebuild,
    ReconcileFollower,
    WhatIf,
)


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """`platform`: concerns every tenant, so it is for operators of all tenants."""

    kind: str
    summary: str
    role: Role
    parameters: type[Parameters]
    platform: bool = False


TASKS = {
    task.kind: task
    for task in (
        Task(
            kind="full_resync",
            summary="Ask every account's EA for its whole book.",
            role=Role.OPERATOR,
            parameters=FullResync,
        ),
        Task(
            kind="reconcile_follower",
            summary="Ask one account's EA for its book, and tell what would be put right.",
            role=Role.OPERATOR,
            parameters=ReconcileFollower,
        ),
        Task(
            kind="rebuild_read_models",
            summary="Make every table of the history once more from the journal.",
            role=Role.ADMIN,
            parameters=Rebuild,
            platform=True,
        ),
        Task(
            kind="export",
            summary="Executions, trades or decisions of a period as a file.",
            role=Role.VIEWER,
            parameters=Export,
        ),
        Task(
            kind="purge",
            summary="Delete what is older than so many days.",
            role=Role.ADMIN,
            parameters=Purge,
        ),
        Task(
            kind="what_if",
            summary="What followers would have made of an uploaded statement.",
            role=Role.VIEWER,
            parameters=WhatIf,
        ),
    )
}


def problems_with(parameters: Parameters) -> list[FieldError]:
    """What is wrong with values that have the right types; paths below `$.parameters`."""
    match parameters:
        case Export() if parameters.since.tzinfo is None or parameters.until.tzinfo is None:
            return [_problem("since", "times need an offset")]
        case Export() if parameters.until <= parameters.since:
            return [_problem("until", "must be after since")]
        case Export() if parameters.until - parameters.since > timedelta(days=MOST_DAYS):
            return [_problem("since", f"a period has at most {MOST_DAYS} days")]
        case Purge() if not LEAST_DAYS_KEPT <= parameters.older_than_days <= MOST_DAYS:
            return [_problem("olderThanDays", f"must be from {LEAST_DAYS_KEPT} to {MOST_DAYS}")]
        case WhatIf():
            return [
                _problem(f"settings.{found.path}", found.message)
                for found in problems_of(parameters.settings)
            ]
        case _:
            return []


def _problem(path: str, message: str) -> FieldError:
    return FieldError(path=f"$.parameters.{path}", message=message)


def account_of(parameters: Parameters) -> Any:
    """The account that a run is about, if it is about one."""
    return getattr(parameters, "account", None)
