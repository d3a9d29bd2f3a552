"""Defects of the counterparty around its machine."""

# What is put in place of something is as untyped as a replacement by name is.
# pyright: basic

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec

from kopitra.application.machine import Machine
from kopitra.domain.trading import OrderAction
from kopitra.machine.commands import TakeExecution, TakeSignal
from kopitra.machine.decide import decide
from kopitra.machine.outcome import Decision
from tests.simulation.planted.registry import Layer, Patches, planted

R = "kopitra_counterparty.routes"


def deciding(patches: Patches, wrong: Callable[[Any, Any, Any], Any]) -> None:
    """Live instances decide by `wrong`."""
    patches.replace("kopitra_counterparty.service:Machine", lambda original: lambda: Machine(decide=wrong))


@planted(Layer.COUNTERPARTY)
def first_answers_forgotten(patches: Patches) -> None:
    """The same request under the same key is answered anew."""
    patches.replace("kopitra_counterparty.idempotency:recall", lambda original: lambda *about: None)


@planted(Layer.COUNTERPARTY)
def stale_holder_answers(patches: Patches) -> None:
    """Who slept through the loss of the fence goes on reading out its old state."""
    patches.replace(
        "kopitra.application.fence_keeper:FenceKeeper.may_answer",
        lambda original: property(lambda self: True),
    )
    patches.replace(
        "kopitra.application.engine:Engine.end",
        lambda original: lambda self, phase: None if phase == "standby" else original(self, phase),
    )


@planted(Layer.COUNTERPARTY)
def signal_taken_and_dropped(patches: Patches) -> None:
    """Changes of resting orders are answered as accepted and go nowhere."""

    def dropping(state: Any, command: Any, context: Any) -> Any:
        decision = decide(state, command, context)
        modifies = isinstance(command, TakeSignal) and command.signal.action == "pending_modified"
        if modifies and isinstance(decision, Decision):
            return msgspec.structs.replace(decision, events=())
        return decision

    deciding(patches, dropping)


@planted(Layer.COUNTERPARTY)
def time_to_live_starts_again(patches: Patches) -> None:
    """Each answer gives an open its whole time anew."""
    patches.replace(f"{R}.outbox:_payload", lambda original: lambda order, expires_at, now: order)
    patches.replace(
        "kopitra.machine.evolutions.copies:fresh_until",
        lambda original: lambda *about: None,
    )


@planted(Layer.COUNTERPARTY)
def opens_before_closes(patches: Patches) -> None:
    """A page that has opens leaves its closes for the next."""

    def opens_only(original: Any) -> Any:
        def choose(self: Any, *about: Any) -> Any:
            page = original(self, *about)
            opens = [i for i in page.events if i.order is not None and i.order.action is OrderAction.OPEN]
            if not opens or len(opens) == len(page.events):
                return page
            return msgspec.structs.replace(page, events=opens, cursor=opens[-1].sequence)

        return choose

    patches.replace("kopitra.application.outbox_pages:Pages.choose", opens_only)


@planted(Layer.COUNTERPARTY)
def cursor_runs_ahead(patches: Patches) -> None:
    """The cursor passes what was not sent, and nothing is sent again."""

    def ahead(original: Any) -> Any:
        def choose(self: Any, *about: Any) -> Any:
            page = original(self, *about)
            if len(page.events) < 3:
                return page
            return msgspec.structs.replace(page, events=page.events[:-1])

        return choose

    patches.replace("kopitra.application.outbox_pages:Pages.choose", ahead)
    patches.replace("kopitra.application.handed_out:HandedOut.due", lambda original: lambda *about: [])


@planted(Layer.COUNTERPARTY)
def clock_of_the_leader_trusted(patches: Patches) -> None:
    """An open's age is what the leader's clock makes it: ten minutes wrong is ten minutes old."""

    def by_clock(original: Any) -> Any:
        async def warmed(self: Any, account: Any, signals: Any) -> Any:
            now = self._desk._engine._clock.now()

            def aged(signal: Any) -> Any:
                age = (now - signal.occurred_at) / timedelta(milliseconds=1)
                return msgspec.structs.replace(signal, age_ms=max(0, int(age)))

            return tuple(aged(signal) for signal in await original(self, account, signals))

        return warmed

    patches.replace(f"{R}.signals:Signals._warmed", by_clock)
    patches.replace(
        "kopitra_agent.sensor.diff:take_deal",
        lambda original: (
            lambda book, deal, live: msgspec.structs.replace(original(book, deal, live), at=None)
        ),
    )


@planted(Layer.COUNTERPARTY)
def tells_of_what_may_be_lost(patches: Patches) -> None:
    """Pages show what is not durable yet."""
    patches.replace(
        "kopitra.application.engine:Engine.committed",
        lambda original: property(lambda self: self._state.sequence if self._state else self._committed),
    )


@planted(Layer.COUNTERPARTY)
def deals_taken_unheard(patches: Patches) -> None:
    """Deals of a part are answered and not recorded."""

    def deaf(state: Any, command: Any, context: Any) -> Any:
        decision = decide(state, command, context)
        stopped = isinstance(command, TakeExecution) and command.execution.reason == "sl"
        if stopped and isinstance(decision, Decision):
            return msgspec.structs.replace(decision, events=())
        return decision

    deciding(patches, deaf)


@planted(Layer.COUNTERPARTY)
def batch_meets_a_defect(patches: Patches) -> None:
    """A leader's cancelled order is answered with an internal error, once."""
    met: set[str] = set()

    def failing(state: Any, command: Any, context: Any) -> Any:
        if isinstance(command, TakeSignal) and command.signal.action == "pending_cancelled":
            ref = str(command.signal.position_ref)
            if ref not in met:
                met.add(ref)
                raise KeyError(ref)
        return decide(state, command, context)

    deciding(patches, failing)
