"""Defects of the agents."""

# What is put in place of something is as untyped as a replacement by name is.
# pyright: basic

from typing import Any

import msgspec

from kopitra.domain.trading import AckStatus
from tests.simulation.planted.registry import Layer, Patches, planted

A = "kopitra_agent"


@planted(Layer.AGENT)
def intent_not_written(patches: Patches) -> None:
    """An open is sent before it is written down; a crash sends it again."""
    patches.replace(
        f"{A}.hand.memory:HandMemory.record",
        lambda original: (
            lambda self, record, *, flush=True: (
                self._apply(record)
                if type(record).__name__ == "Intent"
                else original(self, record, flush=flush)
            )
        ),
    )


@planted(Layer.AGENT)
def deadline_ignored(patches: Patches) -> None:
    """An open is sent however long ago it was planned."""
    patches.replace(f"{A}.hand.floor:Floor.expired", lambda original: lambda self, work: False)


@planted(Layer.AGENT)
def closes_any_of_the_symbol(patches: Patches) -> None:
    """A close takes whatever position of its symbol and side comes first."""

    def any_of_it(original: Any) -> Any:
        def belongs(position: Any, work: Any, position_id: Any) -> bool:
            return (position.symbol, position.side) == (work.order.symbol, work.order.side)

        return belongs

    patches.replace(f"{A}.hand.closing:belongs", any_of_it)


@planted(Layer.AGENT)
def sensor_skips_deals(patches: Patches) -> None:
    """Of several deals between two looks only the last is noticed."""

    def skipping(original: Any) -> Any:
        def difference(book: Any, look: Any) -> Any:
            trades = [deal for deal in look.deals if deal.kind == "trade"]
            kept = [d for d in look.deals if d.kind != "trade"] + trades[-1:]
            return original(book, msgspec.structs.replace(look, deals=kept))

        return difference

    patches.replace(f"{A}.sensor.sweep:difference", skipping)


@planted(Layer.AGENT)
def partial_close_takes_the_fraction(patches: Patches) -> None:
    """A partial close that is repeated closes its volume again instead of what is above its target."""
    patches.replace(
        f"{A}.hand.closing:target_of",
        lambda original: lambda work: max(original(work) - work.order.volume, original(work) * 0),
    )


@planted(Layer.AGENT)
def signals_forgotten_when_sent(patches: Patches) -> None:
    """A signal is forgotten when it is sent, answered or not."""

    def careless(original: Any) -> Any:
        async def send(self: Any, held: Any) -> None:
            self._answered_before = True
            work = original(self, held)
            await work
            if all(h.signal.ordinal in self._memory.state.held for h in held):
                self._answered(held)

        return send

    patches.replace(f"{A}.sensor.sender:SignalSender._send", careless)


@planted(Layer.AGENT)
def open_acknowledged_unsent(patches: Patches) -> None:
    """An open of a certain size is acknowledged as executed, and nothing was sent."""

    def lazy(original: Any) -> Any:
        procedures = dict(original)
        action = next(action for action in procedures if str(action) == "open")

        async def nothing(floor: Any, work: Any) -> Any:
            if work.order.magic % 5 or work.order.order_type != "market":
                return await original[action](floor, work)
            return floor.outcome(work, AckStatus.EXECUTED)

        procedures[action] = nothing
        return procedures

    patches.replace(f"{A}.hand.desk:PROCEDURES", lazy)
    patches.replace(f"{A}.hand.reports:execution_from_answer", lambda original: lambda *about: None)


@planted(Layer.AGENT)
def open_signalled_doubled(patches: Patches) -> None:
    """An open is signalled with twice its volume."""

    def doubled(original: Any) -> Any:
        def signal(change: Any, *about: Any) -> Any:
            made = original(change, *about)
            if str(made.action) != "open":
                return made
            return msgspec.structs.replace(made, volume=made.volume * 2)

        return signal

    patches.replace(f"{A}.sensor.signals:_signal", doubled)


@planted(Layer.AGENT)
def modifies_are_not_sent(patches: Patches) -> None:
    """Changes of stops are acknowledged and not carried out."""

    def idle(original: Any) -> Any:
        procedures = dict(original)

        async def nothing(floor: Any, work: Any) -> Any:
            return floor.outcome(work, AckStatus.EXECUTED)

        procedures[next(action for action in procedures if str(action) == "modify")] = nothing
        return procedures

    patches.replace(f"{A}.hand.desk:PROCEDURES", idle)


@planted(Layer.AGENT)
def volume_halved(patches: Patches) -> None:
    """What is sent to the broker is half of what was ordered."""

    def half(original: Any) -> Any:
        def request(order: Any, price: Any) -> Any:
            made = original(order, price)
            return msgspec.structs.replace(
                made, volume=max(made.volume / 2, made.volume * 0 + made.volume / 2)
            )

        return request

    patches.replace(f"{A}.hand.opening:request_of", half)


@planted(Layer.AGENT)
def dies_of_a_busy_broker(patches: Patches) -> None:
    """The agent ends when its broker is too busy."""

    def fragile(original: Any) -> Any:
        def reading(retcode: int) -> Any:
            if retcode == 10024:
                raise SystemError("too many requests")
            return original(retcode)

        return reading

    patches.replace(f"{A}.hand.opening:reading_of", fragile)


@planted(Layer.AGENT)
def modifies_never_reported(patches: Patches) -> None:
    """Changes of stops are carried out, and nobody is told."""
    patches.replace(
        f"{A}.hand.reports:Reports._is_ready",
        lambda original: lambda self, outcome: str(outcome.action) != "modify" and original(self, outcome),
    )
