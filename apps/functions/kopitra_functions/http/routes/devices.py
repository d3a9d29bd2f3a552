"""How a device is shut out, and let in again."""

from kopitra.protocol.exchange import Reply
from kopitra.protocol.management import Role
from kopitra_functions.http.account_rows import AccountView, account_view, edit_account
from kopitra_functions.http.call import Call, told
from kopitra_functions.http.change import Change
from kopitra_functions.http.endpoint import Endpoint, Route
from kopitra_functions.http.problems import Trouble, refused
from kopitra_functions.http.rows import require
from kopitra_functions.sql.tables import accounts

MAX_REVOKED_DEVICES = 64
"""All of them travel with every publication of the account."""


async def _revoke_device(call: Call) -> Reply:
    return await _devices(call, "device.revoke")


async def _readmit_device(call: Call) -> Reply:
    return await _devices(call, "device.readmit")


async def _devices(call: Call, action: str) -> Reply:
    account, device = call.params["account"], call.params["device"]

    def work(change: Change) -> Reply:
        row = require(change.connection, call, accounts, account=account)
        before: list[str] = row["revoked_devices"] or []
        after = [each for each in before if each != device]
        if action == "device.revoke":
            after.append(device)
        if len(after) > MAX_REVOKED_DEVICES:
            raise refused(Trouble.NOT_POSSIBLE, f"at most {MAX_REVOKED_DEVICES} devices can be revoked")
        if set(after) != set(before):
            row = edit_account(change, call, row, {"revoked_devices": after})
            detail = {"account": account}
            change.audit(action, "device", device, tenant=row["tenant"], account=account, detail=detail)
        return told(account_view(row), version=row["version"])

    return await call.change(work)


DEVICE = "/accounts/{account}/devices/{device}"
ROUTES = (
    Route(
        Endpoint(
            method="POST",
            path=f"{DEVICE}/revoke",
            summary="Shut a device out: its secret and its session end.",
            role=Role.OPERATOR,
            answers={200: (AccountView,)},
        ),
        _revoke_device,
    ),
    Route(
        Endpoint(
            method="POST",
            path=f"{DEVICE}/readmit",
            summary="Let a device that was shut out enrol anew.",
            role=Role.OPERATOR,
            answers={200: (AccountView,)},
        ),
        _readmit_device,
    ),
)
