"""Statements for what-if runs. The run itself is the task `what_if`."""

from kopitra.application.features import WHAT_IF_UPLOADS
from kopitra.protocol.exchange import Reply
from kopitra.protocol.management import Role
from kopitra.protocol.problems import Code, rejected
from kopitra_functions.http.call import Call, told
from kopitra_functions.http.endpoint import Endpoint, Kind, Query, Route
from kopitra_functions.http.messages import Shown
from kopitra_functions.http.problems import Trouble, refused
from kopitra_functions.tasks.statements import STATEMENT_BYTES, Statement, keep_statement

UNNAMED = "statement"


class StatementKept(Shown, frozen=True):
    """`statement`: what the task's parameters name. The same file is always the same statement."""

    statement: str
    name: str
    size: int


async def require_uploads(call: Call) -> None:
    """Raises Rejected."""
    await call.desk.world.features.look()
    if not call.desk.world.features.enabled(WHAT_IF_UPLOADS):
        raise refused(Trouble.FEATURE_DISABLED, f"{WHAT_IF_UPLOADS.name} is switched off")


async def _upload(call: Call) -> Reply:
    await require_uploads(call)
    tenant, content = call.own_tenant, call.request.body
    if not content:
        raise rejected(Code.VALIDATION_FAILED, "the file is empty")
    name = call.query.get("name", UNNAMED)
    identity = await keep_statement(call.desk.world.blobs, tenant, Statement(name, content))
    return told(StatementKept(statement=identity, name=name, size=len(content)), status=201)


ROUTES = (
    Route(
        Endpoint(
            method="POST",
            path="/what-if/statements",
            summary="Upload a leader's statement or signal history; it is kept for a week.",
            role=Role.VIEWER,
            answers={201: (StatementKept,)},
            upload_bytes=STATEMENT_BYTES,
            sql=False,
            query=(Query("name", Kind.TEXT, "The file's name, for the report."),),
        ),
        _upload,
    ),
)
