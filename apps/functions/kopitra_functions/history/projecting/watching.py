"""How accounts fare: incidents, sessions, symbols, balances, and what is known of each account."""

from typing import Any

from kopitra_functions.history.projecting.facts import Catalog, Facts, Note, Row, earliest, latest
from kopitra_functions.history.projecting.journal import latest_sample, place_of
from kopitra_functions.history.told import Told
from kopitra_functions.sql import tables


def incident_opened(note: Note, body: Any) -> None:
    values: Row = {
        "account": body.account,
        "kind": body.kind,
        "detail": body.detail,
        "copy_id": body.copy_id,
        "opened_at": note.told.at,
    }
    _incident(note, body, latest("opened_sequence", note.place.sequence, values))


def incident_closed(note: Note, body: Any) -> None:
    values: Row = {"closed_at": note.told.at, "close_cause": body.cause}
    _incident(note, body, latest("closed_sequence", note.place.sequence, values))


def _incident(note: Note, body: Any, change: Any) -> None:
    """One that opens again under its id is open again. Its account is part of the row's id: two brokers' tickets may be
    alike."""

    def rule(row: Row) -> None:
        change(row)
        row["account"] = row["account"] or body.account
        row["status"] = "open" if row["opened_sequence"] > row["closed_sequence"] else "closed"

    note.facts.merge(tables.incidents, (f"{body.account}:{body.incident}",), note.told.tenant, rule)


def session_opened(note: Note, body: Any) -> None:
    values: Row = {
        "account": body.account,
        "device": body.device,
        "platform": body.platform,
        "client_version": body.client_version,
        "capabilities": list(body.capabilities),
        "opened_at": note.told.at,
    }
    _session(note, body, earliest("opened_sequence", note.place.sequence, values))
    if body.approved:
        approved = earliest("approved_sequence", note.place.sequence, {"approved_at": note.told.at})
        _session(note, body, approved)


def session_approved(note: Note, body: Any) -> None:
    values: Row = {"approved_at": note.told.at, "approved_by": body.subject}
    _session(note, body, earliest("approved_sequence", note.place.sequence, values))


def session_ended(note: Note, body: Any) -> None:
    values: Row = {"ended_at": note.told.at, "end_reason": str(body.reason), "ended_by": body.subject}
    _session(note, body, earliest("ended_sequence", note.place.sequence, values))


def _session(note: Note, body: Any, change: Any) -> None:
    def rule(row: Row) -> None:
        change(row)
        row["account"] = row["account"] or body.account
        if row["ended_sequence"]:
            row["status"] = "ended"
        elif row["approved_sequence"]:
            row["status"] = "active"
        else:
            row["status"] = "pending"

    note.facts.merge(tables.sessions_log, (body.session,), note.told.tenant, rule)


def _state(note: Note, body: Any, marker: str, values: Row) -> None:
    rule = latest(marker, note.place.sequence, values)
    note.facts.merge(tables.account_states, (body.account,), note.told.tenant, rule)


def enrolled(note: Note, body: Any) -> None:
    values: Row = {"device": body.device, "enrolled_at": note.told.at}
    _state(note, body, "enrolled_sequence", values)


def owner_known(note: Note, body: Any) -> None:
    values: Row = {"login": body.login, "server": body.server}
    _state(note, body, "owner_sequence", values)


def mode_known(note: Note, body: Any) -> None:
    _state(note, body, "mode_sequence", {"margin_mode": str(body.mode)})


def silence(note: Note, body: Any) -> None:
    values: Row = {"silent": body.silent, "silent_at": note.told.at if body.silent else None}
    _state(note, body, "silence_sequence", values)


def catalog(note: Note, body: Any) -> None:
    _state(note, body, "symbols_sequence", {"symbols_digest": body.digest})
    rows = tuple(
        {
            "account": body.account,
            "tenant": note.told.tenant,
            **{name: getattr(spec, name) for name in SPEC_MEMBERS},
            "filling_modes": list(spec.filling_modes),
            "trade_mode": str(spec.trade_mode),
            **place_of(note.place),
            "updated_at": note.told.at,
        }
        for spec in {spec.symbol: spec for spec in body.symbols}.values()
    )
    note.facts.symbols.append(Catalog(body.account, note.place.sequence, rows))


SPEC_MEMBERS = (
    "symbol",
    "digits",
    "contract_size",
    "volume_min",
    "volume_max",
    "volume_step",
    "base_currency",
    "profit_currency",
    "stops_level",
    "freeze_level",
    "tick_value",
)


def balance(note: Note, body: Any) -> None:
    operation = body.operation
    note.facts.insert(
        tables.balance_operations,
        **place_of(note.place),
        tenant=note.told.tenant,
        account=body.account,
        occurred_at=note.told.at,
        executed_at=operation.executed_at,
        deal_id=str(operation.deal_id),
        kind=operation.kind,
        amount=operation.amount,
        currency=operation.currency,
    )


def samples(facts: Facts, told: Told, body: Any) -> None:
    for sample in body.samples:
        values: Row = {"currency": sample.currency, "balance": sample.balance, "equity": sample.equity}
        facts.merge(
            tables.account_samples, (sample.account, sample.at), told.tenant, latest_sample(0, values)
        )


def finding(facts: Facts, told: Told, body: Any) -> None:
    """Shown in the console; what channels were told has rows of its own."""
    facts.insert(
        tables.notifications,
        notification_id=told.message_id,
        tenant=told.tenant,
        topic=body.kind,
        severity=body.severity,
        account=body.account,
        title=body.title,
        body=body.detail,
        occurred_at=told.at,
        status="raised",
        attempts=0,
        version=1,
    )


def delivery(facts: Facts, told: Told, body: Any) -> None:
    facts.insert(
        tables.notifications,
        notification_id=told.message_id,
        tenant=told.tenant,
        topic=body.topic,
        severity=body.severity,
        account=told.account,
        title=body.title,
        body=body.detail,
        occurred_at=told.at,
        channel=body.channel,
        status=body.status,
        attempts=body.attempts,
        sent_at=told.at if body.status == "sent" else None,
        last_error=body.error,
        version=1,
    )
