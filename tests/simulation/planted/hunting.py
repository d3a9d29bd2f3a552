"""Which seed catches which planted defect, and by which invariants. `make simulate PLANTED=1` writes it down.

A defect counts as caught by the first of at most fifty seeds that violates anything with it; an invariant counts as
needed when there is a defect that violates nothing else.
"""

import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import msgspec

from tests.simulation.invariants.all_of_them import REGISTRY
from tests.simulation.planted.all_of_them import BUGS
from tests.simulation.running import quieten, run_seed

WITHIN = 50
"""Seeds in which each defect must be caught."""
RECORDED = Path(__file__).parent / "recorded.json"
FIRST_SEED = 1


class Catch(msgspec.Struct, frozen=True):
    """The first seed that catches a defect (0: none does), what it violates, and a first seed, if any, that violates
    one invariant only."""

    seed: int
    invariants: tuple[str, ...] = ()
    alone_seed: int = 0
    alone: str = ""


def violated_with(name: str, seed: int) -> tuple[str, ...]:
    """The invariants that this seed violates with this defect, sorted."""
    with BUGS[name].planted():
        return tuple(sorted({invariant for invariant, _ in run_seed(seed).violations}))


def hunt(name: str) -> tuple[str, Catch]:
    """Look for a defect from the first seed on; after it was caught a few seeds more for one that convicts it alone."""
    caught: Catch | None = None
    for seed in range(FIRST_SEED, FIRST_SEED + WITHIN):
        found = violated_with(name, seed)
        if found and caught is None:
            caught = Catch(seed, found)
        if caught is not None and len(found) == 1:
            return name, Catch(caught.seed, caught.invariants, seed, found[0])
        if caught is not None and seed - caught.seed >= LOOK_ON:
            return name, caught
    return name, caught or Catch(0)


LOOK_ON = 6


def recorded() -> dict[str, Catch]:
    return msgspec.json.decode(RECORDED.read_bytes(), type=dict[str, Catch]) if RECORDED.exists() else {}


def unneeded(catches: dict[str, Catch]) -> list[str]:
    """Invariants that no defect violates alone."""
    return sorted(set(REGISTRY) - {catch.alone for catch in catches.values()})


def _record(catches: dict[str, Catch]) -> dict[str, Catch]:
    """As it comes: a hunt that is cut off leaves what it found, and ONLY the rest is left to hunt."""
    ordered = {name: catches[name] for name in sorted(catches) if name in BUGS}
    RECORDED.write_bytes(msgspec.json.format(msgspec.json.encode(ordered), indent=1) + b"\n")
    return ordered


def main() -> int:
    """ONLY=name,name hunts for these and leaves the record of the others as it is."""
    only = os.environ.get("ONLY")
    names = only.split(",") if only else list(BUGS)
    catches = recorded()
    ordered = catches
    with ProcessPoolExecutor(os.cpu_count() or 1, get_context("spawn"), quieten) as pool:
        hunts = {pool.submit(hunt, name): name for name in names}
        for hunted in as_completed(hunts):
            name = hunts[hunted]
            error = hunted.exception()
            catch = hunted.result()[1] if error is None else Catch(0)
            catches[name] = catch
            told = f"seed {catch.seed}: {', '.join(catch.invariants)}" if catch.seed else "NOT CAUGHT"
            alone = f" (alone by {catch.alone}, seed {catch.alone_seed})" if catch.alone else ""
            why = f" ({error!r})" if error is not None else ""
            print(f"{BUGS[name].layer:<12} {name:<34} {told}{alone}{why}", flush=True)
            ordered = _record(catches)
    left = [name for name in names if not catches[name].seed]
    idle = unneeded(ordered)
    print(f"{len(names) - len(left)} of {len(names)} caught within {WITHIN} seeds; never alone: {idle}")
    return 1 if left or idle else 0


if __name__ == "__main__":
    sys.exit(main())
