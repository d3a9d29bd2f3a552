"""Enrolment codes whose time is over: what became of each is written down. A counterparty refuses late ones itself."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from sqlalchemy import Connection, select, update
from sqlalchemy.engine import RowMapping

from kopitra.application.ports.timing import Clock
from kopitra_functions.http.code_rows import ISSUED, CodeView, code_views
from kopitra_functions.sql.database import Database
from kopitra_functions.sql.tables import enrolment_codes

AT_ONCE = 500
SUBJECT = "enrolment-expiry"


class EnrolmentExpiry:
    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self) -> int:
        """How many codes ended as used or expired."""
        now, ended = self._clock.now(), 0
        while (number := await self._database.write(lambda c: _end_some(c, now))) > 0:
            ended += number
        return ended


def _end_some(connection: Connection, now: datetime) -> int:
    table = enrolment_codes.c
    late: Sequence[RowMapping] = (
        connection.execute(
            select(enrolment_codes)
            .where(table.status == ISSUED, table.expires_at <= now)
            .order_by(table.expires_at)
            .limit(AT_ONCE)
        )
        .mappings()
        .all()
    )
    by_tenant = groupby(sorted(late, key=itemgetter("tenant")), key=itemgetter("tenant"))
    for _, rows in by_tenant:
        for view in code_views(connection, list(rows), now):
            _end(connection, view, now)
    return len(late)


def _end(connection: Connection, view: CodeView, now: datetime) -> None:
    """As it is shown by now: used, or expired."""
    table = enrolment_codes.c
    connection.execute(
        update(enrolment_codes)
        .where(table.code_id == view.code_id, table.status == ISSUED)
        .values(
            status=view.status,
            used_at=datetime.fromisoformat(view.used_at) if view.used_at is not None else None,
            device=view.device,
            updated_at=now,
            updated_by=SUBJECT,
            version=table.version + 1,
        )
    )
