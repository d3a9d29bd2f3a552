"""Tells every invariant what happened, in the instant in which it happened."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kopitra.application.fencing import FenceRow
from kopitra.application.ports.journal import Frame
from kopitra.domain.identifiers import JournalId
from kopitra.domain.orders import DealEntry
from kopitra.machine import events
from kopitra.machine.codec import EventCodec
from kopitra.machine.evolve import evolve
from kopitra.machine.state import State
from kopitra.simulation.broker.records import Deal, DealKind
from kopitra_agent.ports.terminal import TradeRequest, TradeResult
from kopitra_agent.ports.transport import Request, Response
from tests.simulation.invariants.all_of_them import every_invariant
from tests.simulation.invariants.registry import Invariant
from tests.simulation.stage.chains import above
from tests.simulation.stage.facts import Facts

if TYPE_CHECKING:
    from tests.simulation.stage.accounts import Party
    from tests.simulation.stage.counterparties import Instance
    from tests.simulation.stage.world import World

MOST_VIOLATIONS = 20
"""After so many a run says nothing new."""
_codec = EventCodec()
_evolve = evolve
"""As they were when this module was imported: a planted defect of the machine must not reach its witnesses."""


class Watch:
    def __init__(self, world: "World", journal_id: JournalId, shard: str) -> None:
        self._world = world
        self.facts = Facts(journal_id, shard)
        self.violations: list[tuple[str, str]] = []
        self._invariants = every_invariant(world)
        self._of: dict[str, list[Invariant]] = {}

    def _having(self, hook: str) -> list[Invariant]:
        found = self._of.get(hook)
        if found is None:
            base = getattr(Invariant, hook)
            found = self._of[hook] = [i for i in self._invariants if getattr(type(i), hook) is not base]
        return found

    def violated(self, invariant: str, sentence: str) -> None:
        known = (invariant, sentence)
        if len(self.violations) < MOST_VIOLATIONS and known not in self.violations:
            self.violations.append(known)
            self._world.note("VIOLATED", invariant, sentence)

    # -- the journal -------------------------------------------------------------------------------------------------

    def begun(self) -> None:
        self._world.moment("append").happened()

    def written(self, frames: Sequence[Frame], row: FenceRow) -> None:
        now = self._world.time.monotonic()
        shadow = self.facts.shadow
        for frame in frames:
            recorded = _codec.decode(frame.data)
            self.facts.commit(recorded, now)
            for invariant in self._having("committed"):
                invariant.committed(recorded, row)
            _evolve(shadow, recorded)
            self.facts.applied()
            self._count(recorded.event)
        shadow.grown.clear()

    def starting(self, instance: "Instance") -> None:
        """From now on its every term is looked at when it begins."""
        engine = instance.service.core.engine
        begin = engine.begin

        def begun(state: State, *rest: Any, **named: Any) -> None:
            begin(state, *rest, **named)
            self.facts.terms.append(self._world.time.monotonic())
            self._world.note(instance.process.name, "serves", state.sequence)
            for invariant in self._having("serving"):
                invariant.serving(instance, state)

        engine.begin = begun

    def _count(self, event: events.AnyEvent) -> None:
        """Transitions: what happened, how it was decided, how copies stand afterwards."""
        count = self._world.coverage.transition
        count(f"event {event.__struct_config__.tag}")
        match event:
            case events.CopyPlanned():
                count(f"signal {event.signal.action}")
                for decision in event.decisions:
                    count(f"decision {decision.outcome}")
                    if decision.reason is not None:
                        count(f"reason {decision.reason}")
                    self._count_copy(decision.follower, decision.copy_id)
                    if event.depth and decision.outcome is events.Outcome.PLANNED:
                        count("copy of a copy")
            case events.SignalIgnored():
                count(f"signal {event.reason}")
            case events.CommandAcknowledged():
                count(f"ack {event.status}")
                ordered = self.facts.ordered.get(event.command)
                if ordered is not None:
                    self._count_copy(event.account, ordered.order.copy_id)
            case events.ExecutionRecorded() | events.CopySettled() | events.CopyCorrected():
                self._count_copy(event.account, event.copy_id)
            case events.GuardHit():
                count(f"guard {event.guard.action}")
                self._world.moment("guard hit").happened()
            case _:
                pass

    def _count_copy(self, account: str, copy_id: str | None) -> None:
        book = self.facts.shadow.accounts[account].following if copy_id is not None else None  # type: ignore[index]
        copy = book.copies.get(copy_id) if book is not None else None  # type: ignore[arg-type]
        if copy is not None:
            self._world.coverage.transition(f"copy {copy.status}")

    # -- the counterparty's answers ----------------------------------------------------------------------------------

    def composed(self, instance: "Instance", account: str, request: Request) -> None:
        for invariant in self._having("composed"):
            invariant.composed(instance, account, request)

    def answered(self, instance: "Instance", account: str, request: Request, response: Response) -> None:
        for invariant in self._having("answered"):
            invariant.answered(instance, account, request, response)
        if request.method == "GET" and response.status == 200:
            answer = self.facts.told(response)
            if answer["events"] or answer["urgent"]:
                for invariant in self._having("delivering"):
                    invariant.delivering(instance, account, answer)
                self.facts.note_delivered(account, answer, self._world.time.monotonic())

    # -- terminals ---------------------------------------------------------------------------------------------------

    def requested(self, party: "Party", request: TradeRequest) -> None:
        self._world.note(party.name, "sends", request)
        self._world.moment(f"trade of {party.name}").happened()
        for invariant in self._having("requested"):
            invariant.requested(party, request)

    def replied(self, party: "Party", request: TradeRequest, result: TradeResult | None) -> None:
        self._world.note(party.name, "hears", result)
        for invariant in self._having("replied"):
            invariant.replied(party, request, result)

    def dealt(self, party: "Party", deal: Deal) -> None:
        self._world.note(party.name, "deal", deal)
        if deal.kind != DealKind.TRADE:
            party.results.paid += deal.amount
        party.note_worth()
        terms = party.terms
        now = self._world.time.monotonic()
        self.facts.dealt(party.name, terms.server, terms.login, party.role.leads, deal, now)
        if not party.role.follows and deal.kind == "trade":
            self._world.leader_events += 1
        self._count_filled(deal, party.name)
        for invariant in self._having("dealt"):
            invariant.dealt(party, deal)

    def _count_filled(self, deal: Deal, account: str) -> None:
        copy = self.facts.copies.get((account, deal.magic)) if deal.entry is DealEntry.IN else None
        trade = self.facts.trade_of(copy) if copy is not None else None
        if trade is not None and above(self.facts, trade) is not None:
            self._world.coverage.transition("filled copy of a copy")

    # -- the end -----------------------------------------------------------------------------------------------------

    def unsettled(self) -> list[tuple[str, str]]:
        """What keeps the world from being at rest, by invariant."""
        return [
            (invariant.name, sentence)
            for invariant in self._having("unsettled")
            for sentence in invariant.unsettled()
        ]

    def finish(self) -> None:
        for invariant in self._invariants:
            invariant.finish()
            self._world.coverage.examined(invariant.name, invariant.times)
