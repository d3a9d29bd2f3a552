"""What people were, or are to be, told; and that somebody has read it."""

from sqlalchemy import update

from kopitra.protocol.exchange import Reply
from kopitra.protocol.management import Role
from kopitra_functions.http.call import Call, told
from kopitra_functions.http.change import Change
from kopitra_functions.http.endpoint import Endpoint, Route
from kopitra_functions.http.records import Records, list_route, page_type, shown_type, view_of
from kopitra_functions.http.rows import require
from kopitra_functions.sql.tables import notifications

NotificationRow = shown_type(
    "NotificationRow",
    notifications,
    "One notification; `channel` names the way it was sent, and is null for one that the console shows.",
)
NOTIFICATIONS = Records(
    name="notifications",
    summary="Notifications, newest first.",
    table=notifications,
    order=(notifications.c.occurred_at, notifications.c.notification_id),
    kind=NotificationRow,
    page=page_type("NotificationPage", NotificationRow),
    filters={
        "account": (notifications.c.account, "Only about this account."),
        "topic": (notifications.c.topic, "Only of this topic."),
        "status": (notifications.c.status, "Only in this state."),
    },
    narrowed={
        "severity": (notifications.c.severity, "Only of this severity."),
        "channel": (notifications.c.channel, "Only sent this way."),
    },
    choices={"severity": ("info", "warning", "critical")},
)
_view = view_of(NotificationRow)


async def _read(call: Call) -> Reply:
    identity = call.params["notificationId"]

    def work(change: Change) -> Reply:
        row = require(change.connection, call, notifications, notification_id=identity)
        if row["read_at"] is None:
            change.connection.execute(
                update(notifications)
                .where(notifications.c.notification_id == identity)
                .values(read_at=change.now, read_by=change.subject, version=notifications.c.version + 1)
            )
            row = require(change.connection, call, notifications, notification_id=identity)
        return told(_view(row), version=row["version"])

    return await call.change(work)


ROUTES = (
    list_route(NOTIFICATIONS),
    Route(
        Endpoint(
            method="POST",
            path="/notifications/{notificationId}/read",
            summary="Note that somebody has read a notification; the first one counts.",
            role=Role.VIEWER,
            answers={200: (NotificationRow,)},
        ),
        _read,
    ),
)
