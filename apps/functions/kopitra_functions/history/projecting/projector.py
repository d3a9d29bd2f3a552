"""Which event type makes which facts. Types that are not named here are kept as events and mean nothing more in SQL."""

from collections.abc import Callable
from typing import Any

from kopitra.machine.state import CopyStatus
from kopitra_functions.history.projecting import copies, journal, orders, watching
from kopitra_functions.history.projecting.facts import Facts, Note
from kopitra_functions.history.told import DELIVERY, MessageMalformed, Told
from kopitra_functions.timers.findings import NOTIFICATION, SAMPLES

Projection = Callable[[Note, Any], None]


def facts_of(told: Told, body: Any) -> Facts:
    """What one message says of rows; `body` is None for a type that this release does not know. Raises
    MessageMalformed."""
    facts = Facts()
    try:
        if told.place is None:
            OWN[told.message_type](facts, told, body)
            return facts
        note = Note(facts, told, told.place)
        journal.event(note, body)
        if body is not None:
            journal.audit(note, body)
            project = PROJECTIONS.get(told.message_type)
            if project is not None:
                project(note, body)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise MessageMalformed("projection_failed", f"{type(error).__name__}: {error}") from error
    return facts


def _planned(note: Note, body: Any) -> None:
    journal.run(note, body, "planned")
    ref, symbol = body.signal.position_ref, body.signal.symbol
    for ordinal, decided in enumerate(body.decisions):
        journal.decision(note, body, ordinal, decided, body.account, ref, journal.SIGNAL, symbol)
        _ordered(note, body, decided, body.account, ref, journal.SIGNAL)


def _ordered(note: Note, body: Any, decided: Any, leader: str, ref: str, cause: str) -> None:
    paper = journal.is_paper(decided, body)
    if decided.withdrawn is not None:
        orders.said(note, decided.withdrawn, orders.SUPERSEDED, ends=True)
        if decided.copy_id is not None:
            note.facts.copies.add(decided.copy_id)
    if decided.order is None:
        return
    orders.issued(
        note,
        decided.follower,
        decided.order,
        cause=cause,
        run=body.run,
        subscription=decided.subscription,
        paper=paper,
    )
    copies.begun(note, decided, body, leader, ref, paper=paper)


def _added(note: Note, body: Any) -> None:
    cause = str(body.cause)
    journal.decision(note, body, 0, body.decision, body.leader, body.position_ref, cause)
    _ordered(note, body, body.decision, body.leader, body.position_ref, cause)


def _deferred(note: Note, body: Any) -> None:
    journal.run(note, body, "deferred")


def _ignored(note: Note, body: Any) -> None:
    journal.run(note, body, str(body.reason))


def _corrected(note: Note, body: Any) -> None:
    orders.issued(note, body.account, body.order, cause=body.cause, run=body.run)


def _redriven(note: Note, body: Any) -> None:
    orders.said(note, body.replaces, orders.REDRIVEN, ends=True, reason=body.cause)
    orders.issued(
        note,
        body.account,
        body.order,
        cause=body.cause,
        run=body.run,
        replaces=body.replaces,
    )


def _orphan(note: Note, body: Any) -> None:
    orders.issued(note, body.account, body.order, cause="orphan")


def _operator(note: Note, body: Any) -> None:
    orders.issued(note, body.account, body.order, cause="operator", subject=body.subject)


def _dropped(note: Note, body: Any) -> None:
    orders.said(note, body.command, "dropped", ends=True, reason=body.cause)


def _expired(note: Note, body: Any) -> None:
    orders.said(note, body.command, orders.EXPIRED, ends=True)


def _settled(note: Note, body: Any) -> None:
    status = CopyStatus.CLOSED if body.status == "closed" else CopyStatus.OPEN
    copies.settled(note, body.copy_id, status, body.cause, body.volume)


def _net_settled(note: Note, body: Any) -> None:
    for volumes in body.copies:
        held = volumes.filled - volumes.closed
        if volumes.ended is None:
            copies.settled(note, volumes.copy_id, CopyStatus.OPEN, body.cause, held)
        else:
            status = CopyStatus.CLOSED if volumes.filled else CopyStatus.DROPPED
            copies.settled(note, volumes.copy_id, status, volumes.ended, held)


def _stops(cause: str) -> Projection:
    def project(note: Note, body: Any) -> None:
        copies.stopped(note, body, cause)

    return project


def _stopped_by(note: Note, body: Any) -> None:
    copies.stopped(note, body, body.cause)


PROJECTIONS: dict[str, Projection] = {
    "copy.planned": _planned,
    "copy.added": _added,
    "copy.adopted": copies.adopted,
    "copy.corrected": _corrected,
    "copy.settled": _settled,
    "net.settled": _net_settled,
    "signal.deferred": _deferred,
    "signal.ignored": _ignored,
    "command.acknowledged": orders.acknowledged,
    "command.expired": _expired,
    "command.redriven": _redriven,
    "command.dropped": _dropped,
    "execution.recorded": copies.executed,
    "orphan.closed": _orphan,
    "operator.ordered": _operator,
    "trading.halted": _stops("halted"),
    "guard.hit": _stops("guard"),
    "leader.silent": _stops("leader_silent"),
    "copies.unsubscribed": _stops("unsubscribed"),
    "copies.stopped": _stopped_by,
    "incident.opened": watching.incident_opened,
    "incident.closed": watching.incident_closed,
    "session.opened": watching.session_opened,
    "session.approved": watching.session_approved,
    "session.ended": watching.session_ended,
    "account.enrolled": watching.enrolled,
    "account.mode": watching.mode_known,
    "account.silence": watching.silence,
    "book.owner": watching.owner_known,
    "catalog.kept": watching.catalog,
    "balance.changed": watching.balance,
}
OWN: dict[str, Callable[[Facts, Told, Any], None]] = {
    SAMPLES: watching.samples,
    NOTIFICATION: watching.finding,
    DELIVERY: watching.delivery,
}
