"""Where what happened departs from what was expected, in sentences that name follower and position."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import zip_longest

from .copying import Step

Steps = Mapping[str, Sequence[Step]]


def differences(follower: str, wanted: Steps, found: Steps) -> list[str]:
    """One sentence for each step that is missing, unexpected or other than expected; empty where all agree."""
    told: list[str] = []
    for ref in sorted({*wanted, *found}, key=lambda ref: (len(ref), ref)):
        for number, (want, find) in enumerate(zip_longest(wanted.get(ref, ()), found.get(ref, ())), start=1):
            if want != find:
                told.append(f"{follower}, position {ref}, step {number}: {_contrast(want, find)}")
    return told


def _contrast(want: Step | None, find: Step | None) -> str:
    if want is None or find is None:
        return f"unexpected {_said(find)}" if find else f"missing {_said(want)}"
    fields = [name for name in Step._fields if getattr(want, name) != getattr(find, name)]
    return f"{', '.join(fields)} differ: expected {_said(want)}, found {_said(find)}"


def _said(step: Step | None) -> str:
    if step is None:
        return "nothing"
    stops = f"sl {_price(step.stop_loss)} tp {_price(step.take_profit)}"
    return f"{step.action} {step.side} {step.symbol} {step.volume} {stops}"


def _price(value: Decimal | None) -> str:
    return "none" if value is None else str(value)
