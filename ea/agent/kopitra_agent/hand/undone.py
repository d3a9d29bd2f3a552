"""What the core counts on and will not find: commands that ended without their trade, as long as it has not heard.

An offset says which net position the core expects before it. It counts on every command before it, and cannot know yet
that one of them came to nothing (docs/decisions/0206).
"""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from kopitra.domain.identifiers import CommandId
from kopitra.domain.trading import AckStatus
from kopitra_agent.hand.memory import HandMemory
from kopitra_agent.hand.records import Outcome
from kopitra_agent.hand.worklist import Work
from kopitra_agent.ports.timing import Clock

NOTHING_TRADED = frozenset(AckStatus) - {AckStatus.RECEIVED, AckStatus.EXECUTED, AckStatus.UNKNOWN}


class _Ended(msgspec.Struct, frozen=True):
    sequence: int
    symbol: str
    change: Decimal
    """Lots, long positive, by which it would have changed the net."""
    at: float


class Undone:
    """Kept in memory only: after a crash the net that is met decides alone."""

    def __init__(self, memory: HandMemory, clock: Clock) -> None:
        self._memory = memory
        self._clock = clock
        self._ended: dict[CommandId, _Ended] = {}

    def note(self, work: Work, outcome: Outcome, in_hand: Iterable[Work]) -> None:
        """What came of a command; `in_hand`: those for which it may matter."""
        self._forget(in_hand)
        command = work.order.command_id
        self._ended.pop(command, None)
        if outcome.status in NOTHING_TRADED and not outcome.deal_ids and work.net_change:
            now = self._clock.monotonic()
            self._ended[command] = _Ended(work.sequence, work.order.symbol, work.net_change, now)

    def again(self, command: CommandId) -> None:
        """A command that had been put off is in hand once more."""
        self._ended.pop(command, None)

    def unheard(self) -> frozenset[CommandId]:
        """Those of which nobody has told the core yet: what arrives now counts on them."""
        return frozenset(self._ended.keys() & self._memory.state.unreported.keys())

    def before(self, work: Work) -> Decimal:
        """Lots, long positive, by which this command's expectation is wrong for what the core could not know."""
        found = (
            ended.change
            for command, ended in self._ended.items()
            if (ended.at >= work.arrived or command in work.unheard)
            and ended.symbol == work.order.symbol
            and ended.sequence < work.sequence
        )
        return sum(found, Decimal(0))

    def _forget(self, in_hand: Iterable[Work]) -> None:
        if not self._ended:
            return
        works = list(in_hand)
        oldest = min((work.arrived for work in works), default=self._clock.monotonic())
        needed = self._memory.state.unreported.keys() | {each for work in works for each in work.unheard}
        self._ended = {
            command: ended
            for command, ended in self._ended.items()
            if command in needed or ended.at >= oldest
        }
