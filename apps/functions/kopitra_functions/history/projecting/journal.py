"""Events as they are, who was behind them, and runs with their decisions."""

from datetime import datetime
from typing import Any

from kopitra.machine.copy_events import Outcome
from kopitra_functions.history.projecting.facts import Note, earliest, raised
from kopitra_functions.history.told import Place, Told
from kopitra_functions.sql import tables

SIGNAL = "signal"
"""Why a decision was taken, or an order came to be: a leader's signal."""
FROM_JOURNAL = "journal"


def place_of(place: Place) -> dict[str, Any]:
    return {"journal_id": place.journal_id, "shard": place.shard, "sequence": place.sequence}


def event(note: Note, body: Any) -> None:
    run = getattr(body, "run", None)
    note.facts.insert(
        tables.events,
        **place_of(note.place),
        last_sequence=note.place.last,
        previous_sequence=note.place.previous,
        tenant=note.told.tenant,
        account=note.told.account,
        message_type=note.told.message_type,
        occurred_at=note.told.at,
        run_id=run,
        request_id=note.told.request_id,
        actor=note.told.actor,
        payload=note.told.payload,
    )
    if run is not None:
        note.facts.merge(tables.runs, (run,), note.told.tenant, raised("last_event_at", note.told.at))


def audit(note: Note, body: Any) -> None:
    """Who did what: every event that somebody is named behind."""
    actor = note.told.actor or getattr(body, "subject", None)
    if not actor:
        return
    kind, target = _target(note.told, body)
    note.facts.insert(
        tables.audit,
        entry_id=note.told.message_id,
        tenant=note.told.tenant,
        source=FROM_JOURNAL,
        occurred_at=note.told.at,
        actor=actor,
        action=note.told.message_type,
        target_kind=kind,
        target=target,
        account=note.told.account,
        request_id=note.told.request_id,
        **place_of(note.place),
        outcome="recorded",
    )


TARGETS = ("proposal", "session", "subscription", "group", "incident", "copy_id", "name")
"""Members of an event that say what it is about, the most telling first."""


def _target(told: Told, body: Any) -> tuple[str | None, str | None]:
    scope, target = getattr(body, "scope", None), getattr(body, "target", None)
    if scope is not None and target is not None:
        return str(scope), str(target)
    for name in TARGETS:
        value = getattr(body, name, None)
        if isinstance(value, str):
            return name, value
    order = getattr(body, "order", None)
    if order is not None:
        return "command", order.command_id
    return ("account", told.account) if told.account is not None else (None, None)


def run(note: Note, body: Any, cause: str) -> None:
    """A leader's event, as it began a run."""
    signal = body.signal
    note.facts.merge(
        tables.runs,
        (body.run,),
        note.told.tenant,
        earliest(
            "sequence",
            note.place.sequence,
            {
                "leader": body.account,
                "journal_id": note.place.journal_id,
                "shard": note.place.shard,
                "started_at": note.told.at,
                "intended_at": signal.occurred_at,
                "cause": cause,
                "signal_id": signal.signal_id,
                "action": str(signal.action),
                "position_ref": signal.position_ref,
                "symbol": signal.symbol,
                "side": str(signal.side),
                "volume": signal.volume,
                "price": signal.price,
                "age_ms": getattr(body, "age_ms", signal.age_ms),
                "sandbox": getattr(body, "sandbox", False),
                "healed": getattr(body, "healed", False),
            },
        ),
    )
    note.facts.begun.add(body.run)
    if not getattr(body, "healed", False):
        _latency(note, body.run, signal.occurred_at, body.account)
        figures(note, signal)


def _latency(note: Note, run_id: str, intended: datetime, account: str) -> None:
    note.facts.insert(
        tables.latency_samples,
        **place_of(note.place),
        ordinal=0,
        tenant=note.told.tenant,
        account=account,
        stage="signal_to_record",
        milliseconds=round((note.told.at - intended).total_seconds() * 1000),
        occurred_at=note.told.at,
        run_id=run_id,
    )


def figures(note: Note, signal: Any) -> None:
    """The leader's account at the time of its signal."""
    known = signal.account
    sample = {
        "currency": known.currency,
        "balance": known.balance,
        "equity": known.equity,
        "free_margin": known.free_margin,
        "journal_id": note.place.journal_id,
        "shard": note.place.shard,
    }
    key = (note.told.account, signal.occurred_at)
    note.facts.merge(
        tables.account_samples, key, note.told.tenant, latest_sample(note.place.sequence, sample)
    )


def latest_sample(sequence: int, sample: dict[str, Any]) -> Any:
    """Of two samples for one moment the later event's; one that no event told gives way."""

    def rule(row: dict[str, Any]) -> None:
        if row["balance"] is None or (row["sequence"] or 0) < sequence:
            row.update(sample, sequence=sequence or None)

    return rule


def decision(
    note: Note,
    body: Any,
    ordinal: int,
    decided: Any,
    leader: str,
    ref: str,
    cause: str,
    symbol: str | None = None,
) -> None:
    """What one follower got, and why. `symbol`: the leader's, None where the event does not say."""
    order = decided.order
    note.facts.counted.add(body.run)
    note.facts.insert(
        tables.decisions,
        **place_of(note.place),
        ordinal=ordinal,
        tenant=note.told.tenant,
        occurred_at=note.told.at,
        run_id=body.run,
        subscription=decided.subscription,
        leader=leader,
        follower=decided.follower,
        position_ref=ref,
        leader_symbol=symbol,
        cause=cause,
        outcome=str(decided.outcome),
        reason=decided.reason,
        detail=decided.detail,
        copy_id=decided.copy_id,
        command_id=order.command_id if order is not None else None,
        symbol=order.symbol if order is not None else None,
        side=str(order.side) if order is not None else None,
        volume=order.volume if order is not None else None,
        rules_revision=decided.rules_revision,
        rules_version=decided.rules_version,
        notes=decided.notes or None,
        arithmetic=decided.arithmetic,
    )


def is_paper(decided: Any, body: Any) -> bool:
    return decided.outcome == Outcome.SANDBOX or bool(getattr(body, "sandbox", False))
