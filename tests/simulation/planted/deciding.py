"""Defects of `decide`."""

# What is put in place of something is as untyped as a replacement by name is.
# pyright: basic

from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec

from kopitra.domain.quantities import ZERO
from kopitra.domain.stops import Stops
from kopitra.domain.trading import SignalAction
from tests.simulation.planted.registry import Layer, Patches, planted

D = "kopitra.machine.decisions"


@planted(Layer.DECIDE)
def empty_snapshot_believed(patches: Patches) -> None:
    """A terminal that is still loading shows no position, and one look at it is enough."""

    def believing(original: Any) -> Any:
        def disbelief(account: Any, snapshot: Any) -> str | None:
            reason = original(account, snapshot)
            return None if reason in ("not_synchronised", "not_connected") else reason

        return disbelief

    patches.replace(f"{D}.snapshots:disbelief", believing)
    patches.replace(f"{D}.snapshots:too_much", lambda original: lambda *found: False)
    patches.replace(f"{D}.follower_book:agreed", lambda original: lambda since, context: True)


@planted(Layer.DECIDE)
def stale_snapshot_believed(patches: Patches) -> None:
    """A snapshot from before a copy was opened says that the copy is gone."""
    patches.replace(f"{D}.follower_book:speaks_of", lambda original: lambda copy, snapshot: True)
    patches.replace(f"{D}.follower_book:agreed", lambda original: lambda since, context: True)
    patches.replace(f"{D}.snapshots:too_much", lambda original: lambda *found: False)


@planted(Layer.DECIDE)
def open_planned_again(patches: Patches) -> None:
    """The same open, sent twice by its leader's agent, is copied twice."""

    def forgetful(original: Any) -> Any:
        def standing(account: Any, signal: Any, position: Any, run: Any) -> Any:
            found = original(account, signal, position, run)
            return (
                type(found).NEW
                if found is type(found).DUPLICATE and signal.action is SignalAction.OPEN
                else found
            )

        return standing

    def unmindful(original: Any) -> Any:
        class Anew(original):
            """Of what has a copy already it is not told."""

            taken = property(lambda self: frozenset(), lambda self, subscriptions: None)

        return Anew

    patches.replace(f"{D}.signals:standing", forgetful)
    patches.replace(f"{D}.signals:Opening", unmindful)


@planted(Layer.DECIDE)
def share_of_what_is_left(patches: Patches) -> None:
    """Partial closes are shares of the volume before, not of what was opened: rounding adds up."""

    def of_the_rest(original: Any) -> Any:
        def target(filled: Decimal, opened: Decimal, after: Decimal, spec: Any, remainder: Any) -> Decimal:
            return original(filled, opened, min(opened, after + spec.volume_step * 3), spec, remainder)

        return target

    patches.replace(f"{D}.continuing:remaining_target", of_the_rest)


@planted(Layer.DECIDE)
def partial_close_rounded_up(patches: Patches) -> None:
    """What remains of a copy is rounded up to the lot step."""

    def up(original: Any) -> Any:
        def target(filled: Decimal, opened: Decimal, after: Decimal, spec: Any, remainder: Any) -> Decimal:
            down = original(filled, opened, after, spec, remainder)
            exact = after > ZERO and (filled * after / opened) % spec.volume_step == 0
            return down if exact or not down else min(filled, down + spec.volume_step)

        return target

    patches.replace(f"{D}.continuing:remaining_target", up)


@planted(Layer.DECIDE)
def sent_open_withdrawn(patches: Patches) -> None:
    """A close takes back an open that was handed out already: the follower opens it all the same."""
    patches.replace("kopitra.machine.readings:Readings.may_have_left", lambda original: lambda *about: False)


@planted(Layer.DECIDE)
def old_open_planned(patches: Patches) -> None:
    """However long a leader's agent held an open, it is planned as if it were new."""

    def young(original: Any) -> Any:
        def begin(self: Any, *about: Any) -> None:
            original(self, *about)
            self.age_ms = 0

        return begin

    patches.replace(f"{D}.opening:Opening.__init__", young)


@planted(Layer.DECIDE)
def halt_forgotten(patches: Patches) -> None:
    """Opens are planned under a halt."""
    patches.replace(f"{D}.opening:halt_over", lambda original: lambda *about: None)


@planted(Layer.DECIDE)
def side_not_reversed(patches: Patches) -> None:
    """Who asked for the opposite of a leader gets the same."""
    patches.replace(f"{D}.opening:copied_side", lambda original: lambda side, reverse: side)


@planted(Layer.DECIDE)
def magic_shared(patches: Patches) -> None:
    """Copies of two groups share one magic number at the same follower."""

    def constant(original: Any) -> Any:
        def take(self: Any, account: Any, book: Any) -> int:
            return original(self, account, book) // 4 * 4

        return take

    patches.replace(f"{D}.identity:MagicNumbers.take", constant)


@planted(Layer.DECIDE)
def contract_size_ignored(patches: Patches) -> None:
    """A lot is a lot, whatever the follower's broker calls one."""

    def plain(original: Any) -> Any:
        def size(rules: Any, trade: Any, follower: Any, *rest: Any) -> Any:
            same = msgspec.structs.replace(follower.spec, contract_size=trade.contract_size)
            return original(rules, trade, msgspec.structs.replace(follower, spec=same), *rest)

        return size

    patches.replace(f"{D}.opening:size_copy", plain)


@planted(Layer.DECIDE)
def yen_taken_for_dollars(patches: Patches) -> None:
    """A balance in JPY is set against one in USD without a rate."""

    def unconverted(original: Any) -> Any:
        def size(rules: Any, trade: Any, follower: Any, rate: Any, *rest: Any) -> Any:
            balance = getattr(follower, "balance", None)
            if balance is not None:
                dollars = msgspec.structs.replace(balance, currency=trade.currency)
                follower = msgspec.structs.replace(follower, balance=dollars)
            return original(rules, trade, follower, None, *rest)

        return size

    patches.replace(f"{D}.opening:size_copy", unconverted)


@planted(Layer.DECIDE)
def lot_step_too_much(patches: Patches) -> None:
    """Every copy is one lot step larger than its share."""

    def larger(original: Any) -> Any:
        def size(rules: Any, trade: Any, follower: Any, *rest: Any) -> Any:
            sized = original(rules, trade, follower, *rest)
            if not hasattr(sized, "volume"):
                return sized
            return msgspec.structs.replace(sized, volume=sized.volume + follower.spec.volume_step)

        return size

    patches.replace(f"{D}.opening:size_copy", larger)


@planted(Layer.DECIDE)
def stop_loss_dropped(patches: Patches) -> None:
    """Copies are opened and changed without their leader's stop loss."""

    def bare(original: Any) -> Any:
        def place(*about: Any) -> Any:
            stops = original(*about)
            return Stops(None, stops.take_profit, stops.notes) if isinstance(stops, Stops) else stops

        return place

    patches.replace(f"{D}.opening:place_stops", bare)
    patches.replace(f"{D}.continuing:place_stops", bare)


@planted(Layer.DECIDE)
def refused_close_dropped(patches: Patches) -> None:
    """A close that a broker refuses over a weekend is never asked for again."""
    patches.replace(f"{D}.ticks:due_again", lambda original: lambda *about: iter(()))


@planted(Layer.DECIDE)
def refused_close_put_off_for_days(patches: Patches) -> None:
    """A refused close is driven again after a day, and nobody wonders that this is far away."""
    patches.replace(
        f"{D}.acks:redrive_time", lambda original: lambda retry_at, attempts, now: now + timedelta(days=1)
    )
    patches.replace(f"{D}.redriving:is_due", lambda original: lambda held, now: held.due <= now)


@planted(Layer.DECIDE)
def doubled_deal_counted_twice(patches: Patches) -> None:
    """A deal that is told twice is filled twice."""

    def anew(original: Any) -> Any:
        told: list[int] = []

        def key(execution: Any) -> str:
            told.append(1)
            return f"{original(execution)}-{len(told)}"

        return key

    patches.replace(f"{D}.executions:deal_key", anew)


@planted(Layer.DECIDE)
def unknown_open_issued_at_once(patches: Patches) -> None:
    """An open of unknown fate is issued again before anybody looked whether it happened."""
    patches.replace(f"{D}.follower_book:agreed", lambda original: lambda since, context: True)
    patches.replace(f"{D}.follower_book:speaks_of", lambda original: lambda copy, snapshot: True)


@planted(Layer.DECIDE)
def skipped_for_no_reason(patches: Patches) -> None:
    """Fresh opens are skipped as expired."""

    def impatient(original: Any) -> Any:
        def begin(self: Any, *about: Any) -> None:
            original(self, *about)
            if self.signal.volume == Decimal("0.20"):
                self.age_ms = 10**8

        return begin

    patches.replace(f"{D}.opening:Opening.__init__", impatient)


@planted(Layer.DECIDE)
def symbol_follows_the_mapping(patches: Patches) -> None:
    """A copy that is open is closed under the name that its symbol is mapped to by now."""

    def remapped(original: Any) -> Any:
        def order(self: Any, copy: Any, *about: Any, **more: Any) -> Any:
            made = original(self, copy, *about, **more)
            rules = self.state.subscriptions[copy.subscription].rules
            return msgspec.structs.replace(made, symbol=rules.symbols.get(self.signal.symbol, made.symbol))

        return order

    patches.replace(f"{D}.continuing:Continuing._order", remapped)


@planted(Layer.DECIDE)
def close_lost_on_the_way(patches: Patches) -> None:
    """Nothing is planned for a leader's close against another position."""

    def deaf(original: Any) -> Any:
        def decide(self: Any) -> Any:
            return () if self.signal.action is SignalAction.CLOSE_BY else original(self)

        return decide

    patches.replace(f"{D}.continuing:Continuing.decide_all", deaf)


@planted(Layer.DECIDE)
def withdrawal_read_as_loss(patches: Patches) -> None:
    """A third of the balance is paid out, and the guard of the day sees a third lost."""
    patches.replace(
        "kopitra.machine.decisions.guard_flows:after_flow", lambda original: lambda mark, *flow: mark
    )


@planted(Layer.DECIDE)
def guard_looks_away(patches: Patches) -> None:
    """Opens are planned beyond every guard that looks at each of them."""
    patches.replace(
        "kopitra.machine.decisions.guarding:Gatekeeper.refuse", lambda original: lambda *about: None
    )


@planted(Layer.DECIDE)
def silence_never_ends(patches: Patches) -> None:
    """A leader that was silent once counts as silent from then on."""
    patches.replace(
        "kopitra.machine.decisions.opening:leader_is_silent",
        lambda original: lambda state, leader, *about: state.accounts[leader].leading.ordinal > 20,
    )


@planted(Layer.DECIDE)
def one_close_takes_the_whole_net(patches: Patches) -> None:
    """Of two leaders' copies in one netting symbol, the close of one takes the other off as well."""

    def everything(original: Any) -> Any:
        def offset(self: Any, copy: Any, target: Decimal, command: Any) -> Any:
            order = original(self, copy, target, command)
            return msgspec.structs.replace(
                order, volume=max(order.volume, abs(order.expected_net_before or 0))
            )

        return offset

    patches.replace("kopitra.machine.decisions.netting:NetOrders.offset", everything)


@planted(Layer.DECIDE)
def echoes_are_copied(patches: Patches) -> None:
    """What a leader copies from others is copied on, whether its group says so or not."""
    patches.replace(f"{D}.chains:relays", lambda original: lambda state, account: True)
    patches.replace(f"{D}.opening:is_copied", lambda original: lambda leader, signal: False)


@planted(Layer.DECIDE)
def chains_are_fresh_again(patches: Patches) -> None:
    """A copy of a copy is as old as the deal that it copies, however late that was."""
    patches.replace(f"{D}.chains:_age_ms", lambda original: lambda *about: 0)
