"""Enrolment codes as rows, and as they are shown: what an EA has done with one is known from the account's history."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.engine import RowMapping

from kopitra.domain.instants import rfc3339
from kopitra_functions.http.messages import Shown
from kopitra_functions.sql.tables import account_states, enrolment_codes

ISSUED = "issued"
"""The status of an enrolment code that may still be used."""
USED, EXPIRED = "used", "expired"


class CodeView(Shown, frozen=True):
    """`used_at` and `device`: by the account's last enrolment, where that came after the code was issued."""

    code_id: str
    account: str
    status: str
    issued_at: str
    issued_by: str
    expires_at: str
    used_at: str | None
    device: str | None
    version: int


class CodePage(Shown, frozen=True):
    items: list[CodeView]
    cursor: str
    more: bool


def open_code(connection: Connection, tenant: str, account: str, now: datetime) -> RowMapping | None:
    """The account's one code that may still be used."""
    table = enrolment_codes.c
    query = (
        select(enrolment_codes)
        .where(table.tenant == tenant, table.account == account)
        .order_by(table.issued_at.desc(), table.code_id.desc())
        .limit(1)
    )
    newest = connection.execute(query).mappings().one_or_none()
    if newest is None or code_views(connection, [newest], now)[0].status != ISSUED:
        return None
    return newest


def code_views(connection: Connection, rows: Sequence[RowMapping], now: datetime) -> list[CodeView]:
    """Of codes of one tenant."""
    enrolled = _enrolments(connection, rows)
    return [_view(row, enrolled.get(row["account"]), now) for row in rows]


def _enrolments(connection: Connection, rows: Sequence[RowMapping]) -> Mapping[str, RowMapping]:
    """The last enrolment of each account that has a code that may still be used."""
    wanted = {row["account"] for row in rows if row["status"] == ISSUED}
    if not wanted:
        return {}
    table = account_states.c
    query = select(table.account, table.device, table.enrolled_at).where(
        table.tenant == rows[0]["tenant"], table.account.in_(wanted), table.enrolled_at.is_not(None)
    )
    return {row["account"]: row for row in connection.execute(query).mappings()}


def _view(row: RowMapping, enrolled: RowMapping | None, now: datetime) -> CodeView:
    status, used_at, device = row["status"], row["used_at"], row["device"]
    if status == ISSUED and enrolled is not None and enrolled["enrolled_at"] >= row["issued_at"]:
        status, used_at, device = USED, enrolled["enrolled_at"], enrolled["device"]
    elif status == ISSUED and row["expires_at"] <= now:
        status = EXPIRED
    return CodeView(
        code_id=row["code_id"],
        account=row["account"],
        status=status,
        issued_at=rfc3339(row["issued_at"]),
        issued_by=row["issued_by"],
        expires_at=rfc3339(row["expires_at"]),
        used_at=rfc3339(used_at) if used_at is not None else None,
        device=device,
        version=row["version"],
    )
