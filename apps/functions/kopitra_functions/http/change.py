"""One operator's change while its transaction is open: rows, the audit entry, and what a counterparty will be told."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from kopitra.domain.identifiers import AccountId, RequestId, TenantId
from kopitra.protocol.operations import Settings
from kopitra_functions.ports import World
from kopitra_functions.publishing.pending import Publication, put_pending
from kopitra_functions.sql.tables import audit

if TYPE_CHECKING:
    from kopitra_functions.http.desk import Desk

MANAGEMENT = "management"
"""The audit source of what is done here; the others come from journals."""
DONE = "done"

Afterwards = Callable[["Desk"], Awaitable[None]]


class Change:
    """`now`: one time for everything in it. `afterwards` runs once the commit is durable; what fails there is made good
    later, because the transaction left a note of it."""

    def __init__(self, connection: Connection, world: World, subject: str, request_id: RequestId) -> None:
        self.connection = connection
        self.subject = subject
        self.request_id = request_id
        self.now: datetime = world.clock.now()
        self.afterwards: list[Afterwards] = []
        self._ids = world.ids

    def new_id(self, prefix: str) -> str:
        return f"{prefix}-{self._ids.new()}"

    def audit(
        self,
        action: str,
        kind: str,
        target: str,
        *,
        tenant: str,
        account: str | None = None,
        detail: Any = None,
    ) -> None:
        """Who did what to what, kept in this same transaction. `detail` holds no secret."""
        self.connection.execute(
            audit.insert().values(
                entry_id=self.new_id("m"),
                tenant=tenant,
                source=MANAGEMENT,
                occurred_at=self.now,
                actor=self.subject,
                action=action,
                target_kind=kind,
                target=target,
                account=account,
                request_id=self.request_id,
                outcome=DONE,
                detail=detail,
            )
        )

    def publish(self, settings: Settings, *, tenant: str, revision: int, account: str | None = None) -> None:
        """Tell the counterparty, after the commit. Raises Rejected: too large for a message."""
        put_pending(
            self.connection,
            Publication(
                settings=settings,
                tenant=TenantId(tenant),
                revision=revision,
                account=AccountId(account) if account is not None else None,
                issued_at=self.now,
                issued_by=self.subject,
                request_id=self.request_id,
            ),
        )
        if send_published not in self.afterwards:
            self.afterwards.append(send_published)


async def send_published(desk: "Desk") -> None:
    await desk.publisher.try_to_publish()
