"""Whether a subscription's filters let a leader's open through, before anything is sized."""

from datetime import datetime

from kopitra.domain.rules import CopyRules
from kopitra.domain.skips import Skip
from kopitra.domain.trading import Signal


def refuse_trade(rules: CopyRules, signal: Signal, now: datetime) -> Skip | None:
    """The first filter that keeps this trade out; None where all let it pass."""
    return None
