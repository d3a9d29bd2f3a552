"""An operator's one-time code becomes a device's secret."""

from kopitra.domain.limits import MAX_DEVICES_PER_ACCOUNT
from kopitra.machine.commands import Enrol
from kopitra.machine.events import Enrolled
from kopitra.machine.outcome import Context, Decision, Refusal, Result
from kopitra.machine.state import State

REFUSED = Refusal(
    status=401,
    code="enrolment_refused",
    detail="The enrolment code is unknown, used or expired.",
)
"""One answer for all three, so that trying codes teaches nothing."""


def enrol(state: State, command: Enrol, context: Context) -> Result:
    """The account keeps its other devices; the same device, enrolled again, gets a new secret in place of the old."""
    account_id = state.codes.get(command.code_hash)
    if account_id is None:
        return REFUSED
    account = state.accounts[account_id]
    if account.enrolment_expires_at is None or account.enrolment_expires_at <= context.now:
        return REFUSED
    if command.device in account.revoked_devices:
        return Refusal(
            status=403,
            code="device_revoked",
            detail=f"Device {command.device} of account {account_id} is revoked.",
        )
    if command.device not in account.devices and len(account.devices) >= MAX_DEVICES_PER_ACCOUNT:
        return Refusal(
            status=409,
            code="too_many_devices",
            detail=f"Account {account_id} has MAX_DEVICES_PER_ACCOUNT ({MAX_DEVICES_PER_ACCOUNT}) devices; "
            "revoke one first.",
        )
    event = Enrolled(
        account=account_id, device=command.device, secret_hash=command.secret_hash, platform=command.platform
    )
    return Decision((event,), {"account": account_id})
