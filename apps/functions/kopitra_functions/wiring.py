"""Which part of the management side does the work of which function."""

from collections.abc import Sequence

import structlog

from kopitra.adapters.operator_tokens import OperatorTokens
from kopitra.application.ports.queue import ReceivedMessage
from kopitra_functions.http.app import create_app
from kopitra_functions.http.desk import desk_over
from kopitra_functions.ports import World
from kopitra_functions.settings import Settings
from kopitra_functions.sql.database import Database
from kopitra_functions.work import Work

log = structlog.get_logger("kopitra.management")


def work_of(settings: Settings, world: World, database: Database, operators: OperatorTokens | None) -> Work:
    """`operators` is None where no issuer is configured: then nobody is one."""

    async def forward(messages: Sequence[ReceivedMessage]) -> None:
        await world.queues.history.send([each.message for each in messages])

    async def no_task(message: ReceivedMessage) -> None:
        raise NotImplementedError(f"nothing here runs {message.message.subject}")

    async def nothing(late: bool) -> None:
        log.debug("nothing_to_do", late=late)

    return Work(
        http=create_app(desk=desk_over(world, database), operators=operators),
        events=forward,
        task=no_task,
        history_drain=nothing,
        heartbeat_watch=nothing,
        reconcile_sweep=nothing,
        enrolment_expiry=nothing,
        retention=nothing,
        statistics=nothing,
    )
