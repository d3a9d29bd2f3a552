"""How large copies are, and whether the recorded reasons for having none are true."""

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

from kopitra.application.fencing import FenceRow
from kopitra.domain.orders import DealEntry, Side
from kopitra.domain.rules import CopyRules
from kopitra.domain.symbols import SymbolSpec
from kopitra.domain.trading import OrderAction, SignalAction
from kopitra.machine.events import CopyDecision, CopyPlanned, Outcome, Recorded
from kopitra.simulation.broker.records import Deal
from tests.simulation.invariants.registry import Invariant, invariant
from tests.simulation.stage.chains import copied_by, first_of, is_over, misjudged
from tests.simulation.stage.desired import PLAIN_MODES, ZERO, planned_volume, share_of

if TYPE_CHECKING:
    from tests.simulation.stage.accounts import Party

SUFFIX = ".m"
WORTH_MODES = frozenset({"balance_ratio", "equity_ratio", "free_margin_ratio"})
NEAR = Fraction(1, 20)
"""Deposits, results and prices move an account's worth by less than this while its figures are on their way."""
OPENING = frozenset({SignalAction.OPEN, SignalAction.PENDING_PLACED})


@invariant("sizes_are_right")
class SizesAreRight(Invariant):
    """Each planned volume is what the independent oracle makes of the leader's volume and the rules in force."""

    def committed(self, recorded: Recorded, row: FenceRow) -> None:
        event = recorded.event
        if not isinstance(event, CopyPlanned) or event.signal.action not in OPENING or event.healed:
            return
        leader = self.facts.shadow.accounts[event.account].catalog.get(event.signal.symbol)
        for decision in event.decisions:
            order = decision.order
            if order is None or order.action is not OrderAction.OPEN or leader is None:
                continue
            rules = self.facts.rules(decision)
            spec = self.facts.shadow.accounts[decision.follower].catalog[order.symbol]
            self._terms(event, decision, rules)
            if rules.sizing.__struct_config__.tag in PLAIN_MODES:
                self._check(event, decision, rules, leader, spec)
            elif rules.sizing.__struct_config__.tag in WORTH_MODES:
                self._figures(event, decision, rules, leader, spec)

    def _terms(self, event: CopyPlanned, decision: CopyDecision, rules: CopyRules) -> None:
        """Side and symbol."""
        order, signal = decision.order, event.signal
        assert order is not None
        side = Side(signal.side).opposite if rules.reverse else Side(signal.side)
        named = rules.symbols.get(signal.symbol)
        plain = signal.symbol.removesuffix(SUFFIX)
        symbols = {named} if named is not None else {plain, plain + SUFFIX}
        if order.side is not side or order.symbol not in symbols:
            self.violated(
                f"{decision.follower} is to open {order.side} {order.symbol} for {signal.side} {signal.symbol}"
            )

    def _figures(
        self,
        event: CopyPlanned,
        decision: CopyDecision,
        rules: CopyRules,
        leader: SymbolSpec,
        spec: SymbolSpec,
    ) -> None:
        """Sizes by what an account is worth, from the brokers' own figures: within what these move in a while."""
        assert decision.order is not None
        self.times += 1
        follower, lead = self.world.parties[decision.follower], self.world.parties[event.account]
        follower.note_worth()
        lead.note_worth()
        share = Fraction(event.signal.volume) * Fraction(rules.multiplier)
        share *= Fraction(leader.contract_size) / Fraction(spec.contract_size)
        if follower.terms.currency == "JPY":
            share /= Fraction(self.world.market.quote("USDJPY").bid)
        if lead.terms.currency == "JPY":
            share *= Fraction(self.world.market.quote("USDJPY").bid)
        low, high = (Fraction(worth) for worth in follower.worths)
        poorest = Fraction(lead.worths[0])
        if poorest <= 0:
            return  # on its way down it was worth any little
        exact = share * high / poorest
        most = exact * (1 + NEAR) + Fraction(spec.volume_step)
        limit = Fraction(spec.volume_max if rules.max_volume is None else rules.max_volume)
        least = min(share * low / Fraction(lead.worths[1]) * (1 - NEAR), limit) - Fraction(spec.volume_step)
        if not least <= Fraction(decision.order.volume) <= most:
            self.violated(
                f"{decision.follower} is to open {decision.order.volume} of {event.signal.volume}, "
                f"its worth makes about {float(exact):.3f}"
            )

    def _check(
        self,
        event: CopyPlanned,
        decision: CopyDecision,
        rules: CopyRules,
        leader: SymbolSpec,
        spec: SymbolSpec,
    ) -> None:
        self.times += 1
        assert decision.order is not None
        wanted, _ = planned_volume(event.signal.volume, leader, spec, rules)
        if wanted != decision.order.volume:
            self.violated(
                f"{decision.follower} is to open {decision.order.volume} of {event.signal.volume}, "
                f"the rules make {wanted}"
            )


@invariant("never_above_proportion")
class NeverAboveProportion(Invariant):
    """By the brokers' ledgers alone: what a follower enters is at most its share of its leader's trade, plus a step."""

    def dealt(self, party: "Party", deal: Deal) -> None:
        if not party.role.follows or party.netting or deal.kind != "trade" or deal.entry is not DealEntry.IN:
            return
        for copy in self.facts.copies_met(party.name, deal):
            trade = self.facts.trade_of(copy)
            rules = copy.rules
            if trade is None or rules.sizing.__struct_config__.tag not in PLAIN_MODES:
                continue
            self.times += 1
            leader = self.world.parties[trade.leader].symbols[trade.symbol]
            spec = party.symbols[deal.symbol]
            wanted, _ = planned_volume(trade.opened, leader, spec, rules)
            if wanted is None or copy.filled > wanted + spec.volume_step:
                self.violated(
                    f"{party.name}'s copy {copy.magic} has {copy.filled} of {trade.opened}, at most {wanted}"
                )
            assert share_of(copy.filled, trade, spec, rules.remainder) >= ZERO


@invariant("skips_are_true")
class SkipsAreTrue(Invariant):
    """The reason that a record gives for having no copy is one that the world confirms."""

    def committed(self, recorded: Recorded, row: FenceRow) -> None:
        event = recorded.event
        if not isinstance(event, CopyPlanned) or event.signal.action not in OPENING:
            return
        for decision in event.decisions:
            if decision.outcome is not Outcome.SKIPPED or decision.reason is None:
                continue
            confirms = CONFIRMS.get(decision.reason)
            if confirms is not None:
                self.times += 1
                if not confirms(self, event, decision):
                    self.violated(f"{decision.follower} is skipped as {decision.reason}, which is not so")

    def rules(self, decision: CopyDecision) -> CopyRules:
        return self.facts.rules(decision)

    def halted(self, event: CopyPlanned, decision: CopyDecision) -> bool:
        return bool(self.facts.shadow.halts)

    def expired(self, event: CopyPlanned, decision: CopyDecision) -> bool:
        trade = self.facts.trades_by_ref.get(str(event.signal.position_ref))
        if trade is None or event.signal.action is SignalAction.PENDING_PLACED:
            return True  # a resting order has no deal to measure from
        first = first_of(self.facts, trade)
        age = self.world.time.monotonic() - first.at + self.rules(decision).delay_seconds
        wrong = max(self.world.host_error(event.account), self.world.host_error(first.leader))
        if first is not trade:
            wrong += misjudged(self.world, first.at)
        return age + CLOCK_SLACK_SECONDS + wrong >= self.rules(decision).open_ttl_seconds

    def closed_before_open(self, event: CopyPlanned, decision: CopyDecision) -> bool:
        """Its own end came first, or the end of what it is a copy of."""
        trade = self.facts.trades_by_ref.get(str(event.signal.position_ref))
        if trade is not None and not trade.left:
            return True
        if trade is None and not self.world.parties[event.account].rests(event.signal.position_ref):
            return True
        copy = copied_by(self.facts, event.account, event.signal.magic)
        return copy is not None and is_over(self.world, copy)

    def copy_of_copy(self, event: CopyPlanned, decision: CopyDecision) -> bool:
        shadow = self.facts.shadow
        group = shadow.groups[shadow.subscriptions[decision.subscription].group]
        copied = copied_by(self.facts, event.account, event.signal.magic) is not None
        return copied and not group.copies_of_copies

    def below_minimum(self, event: CopyPlanned, decision: CopyDecision) -> bool:
        rules = self.rules(decision)
        if rules.sizing.__struct_config__.tag not in PLAIN_MODES:
            return True
        leader = self.facts.shadow.accounts[event.account].catalog[event.signal.symbol]
        specs = self.facts.shadow.accounts[decision.follower].catalog.values()
        return any(planned_volume(event.signal.volume, leader, spec, rules)[0] is None for spec in specs)

    def pending_not_copied(self, event: CopyPlanned, decision: CopyDecision) -> bool:
        return not self.rules(decision).copy_pending

    def follower_unknown(self, event: CopyPlanned, decision: CopyDecision) -> bool:
        return not self.facts.shadow.accounts[decision.follower].enabled

    def leader_silent(self, event: CopyPlanned, decision: CopyDecision) -> bool:
        """Before this call its leader was not heard of for too long."""
        silent = self.rules(decision).leader_silence_seconds
        return self.world.network.silence(event.account) + CLOCK_SLACK_SECONDS >= silent

    def missed_open(self, event: CopyPlanned, decision: CopyDecision) -> bool:
        return event.healed


CLOCK_SLACK_SECONDS = 1.0

CONFIRMS: dict[str, Callable[[SkipsAreTrue, CopyPlanned, CopyDecision], bool]] = {
    "halted": SkipsAreTrue.halted,
    "expired": SkipsAreTrue.expired,
    "below_minimum": SkipsAreTrue.below_minimum,
    "pending_not_copied": SkipsAreTrue.pending_not_copied,
    "follower_unknown": SkipsAreTrue.follower_unknown,
    "missed_open": SkipsAreTrue.missed_open,
    "leader_silent": SkipsAreTrue.leader_silent,
    "closed_before_open": SkipsAreTrue.closed_before_open,
    "copy_of_copy": SkipsAreTrue.copy_of_copy,
}
