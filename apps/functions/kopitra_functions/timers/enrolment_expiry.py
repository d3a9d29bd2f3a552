"""Enrolment codes that nobody used in time. The counterparty refuses them by itself: this only says so in the list."""

from sqlalchemy import Connection, select, update

from kopitra.application.ports.timing import Clock
from kopitra_functions.http.account_rows import ISSUED
from kopitra_functions.sql.database import Database
from kopitra_functions.sql.tables import enrolment_codes

EXPIRED = "expired"
AT_ONCE = 500
SUBJECT = "enrolment-expiry"


class EnrolmentExpiry:
    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self) -> int:
        now, ended = self._clock.now(), 0
        table = enrolment_codes.c

        def batch(connection: Connection) -> int:
            late = connection.execute(
                select(table.code_id)
                .where(table.status == ISSUED, table.expires_at <= now)
                .order_by(table.expires_at)
                .limit(AT_ONCE)
            ).scalars()
            ids = list(late)
            connection.execute(
                update(enrolment_codes)
                .where(table.code_id.in_(ids), table.status == ISSUED)
                .values(status=EXPIRED, updated_at=now, updated_by=SUBJECT, version=table.version + 1)
            )
            return len(ids)

        while (number := await self._database.write(batch)) > 0:
            ended += number
        return ended
