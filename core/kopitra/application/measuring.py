"""Counts what the journal's events tell, once they are durable. Nothing that decides knows of it."""

from collections import deque
from collections.abc import Iterable
from typing import Any

from kopitra.application import measured
from kopitra.application.ports.telemetry import Telemetry
from kopitra.application.submission import Outcome, Taken
from kopitra.domain.identifiers import AccountId
from kopitra.domain.trading import AckStatus
from kopitra.machine.commands import Command, TakeSnapshot
from kopitra.machine.decisions.correcting import EXHAUSTED
from kopitra.machine.events import (
    CommandAcknowledged,
    CopyAdded,
    CopyCorrected,
    CopyPlanned,
    CopySettled,
    CorrectionProposed,
    IncidentOpened,
    NetSettled,
    Recorded,
)
from kopitra.machine.events import Outcome as CopyOutcome
from kopitra.machine.state import State

STOPPED = "reconciliation_stopped"


class EventCounts:
    """Counts events once they are durable. One that was applied but never written is forgotten: its sequence is given
    to another event."""

    def __init__(self, telemetry: Telemetry) -> None:
        count = telemetry.counter
        self._copies = {o: count(measured.COPIES_PLANNED, outcome=str(o)) for o in CopyOutcome}
        self._refusals = {
            status: count(measured.CLOSES_REFUSED, status=str(status)) for status in measured.CLOSE_REFUSALS
        }
        self._reconciled = {
            outcome: count(measured.RECONCILIATION, outcome=outcome)
            for outcome in measured.RECONCILIATION_OUTCOMES
        }
        self._waiting: deque[Recorded] = deque()

    def note(self, state: State, recorded: Recorded) -> None:
        """Before the event is applied."""
        if type(recorded.event) not in COUNTED:
            return
        while self._waiting and self._waiting[-1].sequence >= recorded.sequence:
            self._waiting.pop()
        self._waiting.append(recorded)

    def committed(self, last: int, grown: Iterable[AccountId]) -> None:
        while self._waiting and self._waiting[0].last <= last:
            self._count(self._waiting.popleft().event)

    def compared(self, commands: Iterable[Command], outcomes: Iterable[Outcome]) -> None:
        """Snapshots that agree with what is known leave no event: they are counted where they come in."""
        for command, outcome in zip(commands, outcomes, strict=False):
            if isinstance(command, TakeSnapshot) and isinstance(outcome, Taken):
                usable = bool(outcome.answer.get("reconciled"))
                self._reconciled["compared" if usable else "unusable"].add()

    def _count(self, event: Any) -> None:
        match event:
            case CopyPlanned():
                for decision in event.decisions:
                    self._copies[decision.outcome].add()
            case CopyAdded():
                self._copies[event.decision.outcome].add()
            case CommandAcknowledged():
                self._acknowledged(event)
            case CopyCorrected(correction=None):
                return
            case CopyCorrected() | CopySettled() | NetSettled():
                self._reconciled["corrected"].add()
            case CorrectionProposed():
                self._reconciled["proposed"].add()
            case IncidentOpened(kind=kind):
                if kind in (STOPPED, EXHAUSTED):
                    self._reconciled["stopped" if kind == STOPPED else "failed"].add()
            case _:
                raise AssertionError(f"{type(event).__name__} is in COUNTED")

    def _acknowledged(self, event: CommandAcknowledged) -> None:
        """Only what is to lower exposure is driven again."""
        told = self._refusals.get(AckStatus(event.status))
        if told is not None and event.redrive_at is not None:
            told.add()


COUNTED = frozenset(
    {
        CopyPlanned,
        CopyAdded,
        CommandAcknowledged,
        CopyCorrected,
        CopySettled,
        NetSettled,
        CorrectionProposed,
        IncidentOpened,
    }
)
