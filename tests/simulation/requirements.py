"""What a long run must have exercised at least once: a name that stays at zero means that nothing was tried there."""

from kopitra.domain.guards import GuardAction
from kopitra.domain.trading import AckStatus, SignalAction
from kopitra.machine.events import AnyEvent, Outcome
from kopitra.machine.state import CopyStatus
from kopitra.simulation.journal import AppendFault, Tail
from tests.simulation.invariants.all_of_them import REGISTRY
from tests.simulation.scenario.drawing import TABLES as FILLED
from tests.simulation.scenario.ingredients import TABLES, Kind
from tests.simulation.stage.network import Fate

STORMS = frozenset(
    {
        "network_down",
        "requests_vanish",
        "requests_late",
        "requests_doubled",
        "answers_vanish",
        "answers_late",
        "everything",
    }
)
"""Counted by what they did to each exchange."""
COUNTED_OTHERWISE = frozenset({"append_fails", "blobs_fail"})
FAULTS = frozenset(
    {
        *(name for name in TABLES[Kind.FAULT] if name not in STORMS | COUNTED_OTHERWISE),
        *(str(fate) for fate in Fate if fate is not Fate.ARRIVES),
        *(f"append_{fault}" for fault in AppendFault),
        *(f"journal_tail_{tail}" for tail in Tail),
        "weekend",
        "request_overtaken",
        "answer_overtaken",
        "blob_failure",
        "command_late",
        "command_doubled",
    }
)
MOVES = frozenset(name for kind in Kind if kind is not Kind.FAULT for name in TABLES[kind])
assert len(FILLED) >= len(Kind), "a module of ingredients for each kind, or several"
INVARIANTS = frozenset(REGISTRY)

ELSEWHERE_EVENTS = frozenset({"copy.adopted"})
"""Of a rule that no cast has: `test_adoption_under_fire` plays it while parts fail."""
RARE = frozenset(
    {
        "event orphan.closed",
        "event net.settled",
        "event correction.proposed",
        "event correction.withdrawn",
        "event correction.decided",
        "event copy.added",
        "copy released",
    }
)
"""Wanted from a thousand seeds on."""
RARE_FROM_SEEDS = 1000
ELSEWHERE_SIGNALS = frozenset({SignalAction.INCREASE, SignalAction.REVERSE})
"""Of leaders on netting accounts: `test_netting_under_fire` plays them while parts fail."""
REASONS = (
    "below_minimum",
    "expired",
    "halted",
    "pending_not_copied",
    "closed_before_open",
    "not_copied",
    "not_open",
    "superseded",
    "below_step",
    "same_stops",
    "closing",
    "waits_for_own_fill",
    "follower_unknown",
)
CHAINS = ("copy of a copy", "filled copy of a copy", "signal echo")
"""Leaders that follow others: what is copied on, and what is not."""
TRANSITIONS = frozenset(
    {
        *(
            f"event {tag}"
            for tag in (k.__struct_config__.tag for k in AnyEvent.__args__)
            if tag not in ELSEWHERE_EVENTS
        ),
        *(f"signal {action}" for action in SignalAction if action not in ELSEWHERE_SIGNALS),
        *(f"decision {outcome}" for outcome in Outcome),
        *(f"copy {status}" for status in CopyStatus),
        *(f"ack {status}" for status in AckStatus),
        *(f"guard {action}" for action in GuardAction),
        *(f"reason {reason}" for reason in REASONS),
        *CHAINS,
    }
)
REQUIRED = {"faults": FAULTS, "moves": MOVES, "transitions": TRANSITIONS, "invariants": INVARIANTS}


def never_exercised(coverage: dict[str, dict[str, int]], seeds: int) -> list[str]:
    """What so many seeds must have exercised, and have not."""
    excused = RARE if seeds < RARE_FROM_SEEDS else frozenset[str]()
    return [
        f"{kind}: {name}"
        for kind, names in REQUIRED.items()
        for name in sorted(names - excused)
        if not coverage.get(kind, {}).get(name)
    ]
