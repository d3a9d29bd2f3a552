"""How often everything that a run should exercise was exercised."""

from collections import Counter

CONSEQUENCES = frozenset({"request_overtaken", "answer_overtaken"})
"""Counted with the faults, but no faults of their own: what was late, doubled or slow came after something newer."""


class Coverage:
    """Counts by kind and name; those of many seeds add up."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = {
            kind: Counter() for kind in ("faults", "moves", "transitions", "invariants")
        }

    def fault(self, name: str) -> None:
        self.counts["faults"][name] += 1

    def move(self, name: str) -> None:
        self.counts["moves"][name] += 1

    def transition(self, name: str) -> None:
        self.counts["transitions"][name] += 1

    def examined(self, name: str, times: int = 1) -> None:
        self.counts["invariants"][name] += times

    def add(self, other: dict[str, dict[str, int]]) -> None:
        for kind, counted in other.items():
            self.counts[kind].update(counted)

    def plain(self) -> dict[str, dict[str, int]]:
        return {kind: dict(sorted(counted.items())) for kind, counted in self.counts.items()}

    @property
    def fault_count(self) -> int:
        return sum(count for name, count in self.counts["faults"].items() if name not in CONSEQUENCES)
