"""Whether a subscription's filters let a leader's open through, before anything is sized."""

from datetime import datetime

from kopitra.domain.reversal import copied_stops
from kopitra.domain.rules import CopyRules
from kopitra.domain.schedules import is_open
from kopitra.domain.skips import Skip, SkipReason
from kopitra.domain.trading import Signal


def refuse_trade(rules: CopyRules, signal: Signal, now: datetime) -> Skip | None:
    """The first filter that keeps this trade out; None where all let it pass."""
    if rules.sides and signal.side not in rules.sides:
        return Skip(SkipReason.SIDE_FILTERED, f"only {' and '.join(rules.sides)} trades are copied")
    if (rules.include_magics and signal.magic not in rules.include_magics) or (
        signal.magic in rules.exclude_magics
    ):
        detail = f"trades with magic number {signal.magic} are not copied"
        return Skip(SkipReason.MAGIC_FILTERED, detail)
    if rules.require_stop_loss or rules.max_stop_distance is not None:
        refused = _by_stop(rules, signal)
        if refused is not None:
            return refused
    if rules.schedule and not is_open(rules.schedule, now):
        return Skip(SkipReason.OUTSIDE_SCHEDULE, "no window of the schedule is open")
    return None


def _by_stop(rules: CopyRules, signal: Signal) -> Skip | None:
    """By the stop loss that the copy would have: in reverse that is the leader's take profit. A trade without one has
    no distance; whether it may pass is `require_stop_loss`'s question alone."""
    stop, _ = copied_stops(signal.stop_loss, signal.take_profit, rules.reverse)
    if not stop:
        if rules.require_stop_loss:
            return Skip(SkipReason.STOP_LOSS_MISSING, "only trades with a stop loss are copied")
        return None
    most = rules.max_stop_distance
    if most is None:
        return None
    if not signal.price:
        return Skip(SkipReason.PRICE_MISSING, "without the trade's price its stop distance is unknown")
    distance = abs(signal.price - stop)
    if distance > most:
        return Skip(SkipReason.STOP_TOO_FAR, f"the stop loss is {distance} away, at most {most}")
    return None
