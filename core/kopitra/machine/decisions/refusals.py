"""Refusals that several decisions share. Each is an expected no: counted, never paged, and it changes nothing."""

from kopitra.domain.identifiers import AccountId, GroupId, SessionId
from kopitra.machine.outcome import Refusal


def account_unknown(account: AccountId) -> Refusal:
    return Refusal(status=404, code="account_unknown", detail=f"There is no account {account}.")


def group_unknown(group: GroupId) -> Refusal:
    return Refusal(status=404, code="group_unknown", detail=f"There is no group {group}.")


def session_unknown(account: AccountId, session: SessionId | None) -> Refusal:
    which = f"session {session}" if session is not None else "session"
    return Refusal(status=404, code="session_unknown", detail=f"Account {account} has no {which}.")


def tenant_crossed(what: str) -> Refusal:
    """Says nothing of the other tenant: whoever asks may not even know that it exists."""
    return Refusal(status=409, code="tenant_crossed", detail=f"{what} belongs to another tenant.")
