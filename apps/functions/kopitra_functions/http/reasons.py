"""The reasons of decisions, in words for whoever asks "why was I not copied?". A case's figures are its `detail`."""

from kopitra.domain.skips import SkipReason
from kopitra.machine.copy_events import Outcome

REASONS: dict[str, str] = {
    SkipReason.BELOW_MINIMUM: "The size that the rules give is below the smallest volume that may be traded.",
    SkipReason.CONTRACT_UNKNOWN: "A contract size of the two symbols is not known, so sizes cannot be compared.",
    SkipReason.RATE_MISSING: "There is no exchange rate between the currencies that the size depends on.",
    SkipReason.RATE_STALE: "The exchange rate that the size depends on is too old.",
    SkipReason.BALANCE_MISSING: "The follower has not told its balance, which the size depends on.",
    SkipReason.BALANCE_STALE: "The follower's balance, which the size depends on, was told too long ago.",
    SkipReason.BALANCE_NOT_POSITIVE: "The follower's balance is nought or less.",
    SkipReason.LEADER_BALANCE_MISSING: "The leader has not told its balance, which the size depends on.",
    SkipReason.LEADER_VOLUME_NOT_POSITIVE: "The leader's volume is nought or less.",
    SkipReason.SYMBOL_SPEC_INVALID: "The broker tells impossible volume limits for this symbol.",
    SkipReason.FIGURES_OUT_OF_RANGE: "A volume, balance, rate or contract size is beyond reason.",
    SkipReason.EQUITY_MISSING: "The follower has not told its equity, which the size depends on.",
    SkipReason.EQUITY_STALE: "The follower's equity, which the size depends on, was told too long ago.",
    SkipReason.EQUITY_NOT_POSITIVE: "The follower's equity is nought or less.",
    SkipReason.FREE_MARGIN_MISSING: "The follower has not told its free margin, which the size depends on.",
    SkipReason.FREE_MARGIN_STALE: "The follower's free margin, which the size depends on, was told too long ago.",
    SkipReason.FREE_MARGIN_NOT_POSITIVE: "The follower has no free margin.",
    SkipReason.LEADER_EQUITY_MISSING: "The leader has not told its equity, which the size depends on.",
    SkipReason.LEADER_FREE_MARGIN_MISSING: "The leader has not told its free margin, which the size depends on.",
    SkipReason.STOP_LOSS_MISSING: "The rules size by the distance to the stop loss, and the leader has set none.",
    SkipReason.PRICE_MISSING: "There is no price to reckon with.",
    SkipReason.EXPRESSION_FAILED: "The follower's own expression for the size gives no number.",
    SkipReason.RISK_MULTIPLE_EXCEEDED: "The smallest possible volume would risk more than the rules allow.",
    SkipReason.SYMBOL_UNMAPPED: "The follower's broker has no symbol that is the leader's.",
    SkipReason.SYMBOL_AMBIGUOUS: "Several symbols of the follower's broker could be the leader's; the rules name none.",
    SkipReason.SYMBOL_NOT_TRADABLE: "The follower's broker does not let this symbol be opened.",
    SkipReason.SYMBOL_EXCLUDED: "The rules leave this symbol out.",
    SkipReason.CATALOGUE_MISSING: "The follower's terminal has not told its symbols yet.",
    SkipReason.STOPS_TOO_CLOSE: "The stop loss or take profit is closer to the price than the follower's broker takes.",
    SkipReason.PENDING_NOT_COPIED: "The rules leave pending orders out.",
    SkipReason.SIDE_FILTERED: "The rules leave this side out.",
    SkipReason.MAGIC_FILTERED: "The rules leave trades with this magic number out.",
    SkipReason.STOP_TOO_FAR: "The stop loss is further away than the rules allow.",
    SkipReason.OUTSIDE_SCHEDULE: "It was opened outside of the follower's schedule.",
    SkipReason.GUARD_HIT: "A guard has been hit and lets nothing be opened.",
    SkipReason.GUARD_WOULD_BREAK: "It would have broken a guard.",
    SkipReason.GUARD_UNKNOWN: "A guard could not be judged, so nothing may be opened.",
    SkipReason.LEADER_SILENT: "The leader was not heard of for too long.",
    SkipReason.SANDBOX: "It was on paper only.",
    SkipReason.UNSUBSCRIBED: "The subscription had ended or was switched off.",
    SkipReason.NETTING_LEADER: "In the leader's one net position its own trades cannot be told from its copies.",
    SkipReason.COPY_OF_COPY: "The leader had copied it from another, and its group does not copy that on.",
    SkipReason.CLOSED_BEFORE_OPEN: "The leader had closed it before it could be opened.",
    SkipReason.EXPIRED: "It was too old when it could have been opened.",
    SkipReason.PRICE_DRIFT: "The price had moved away further than the rules allow.",
    SkipReason.HALTED: "Copying was halted.",
    SkipReason.FOLLOWER_UNKNOWN: "The follower's account is not known.",
    SkipReason.MISSED_OPEN: "The opening itself was missed; it is known from the leader's book only.",
    SkipReason.NOT_COPIED: "The trade had not been copied, so there was nothing to change.",
    SkipReason.ALREADY_COPIED: "The follower has it already.",
    SkipReason.NOT_OPEN: "The follower's copy had ended already.",
    SkipReason.INCREASE_NOT_COPIED: "The rules leave increases of a position out.",
}
OUTCOMES: dict[str, str] = {
    Outcome.PLANNED: "It was copied.",
    Outcome.SKIPPED: "It was not copied.",
    Outcome.SUPERSEDED: "The open had not been sent yet and was withdrawn, so neither it nor its close was sent.",
    Outcome.UNCHANGED: "The copy already was what the leader's intent asks for.",
    Outcome.SANDBOX: "It was copied on paper only.",
}


def explanation(outcome: str, reason: str | None) -> str | None:
    """What to tell its owner; a reason of a later release in its own words."""
    if reason in REASONS:
        return REASONS[reason]
    told = OUTCOMES.get(outcome)
    if reason is None:
        return told
    named = f"{reason.replace('_', ' ').capitalize()}."
    return named if told is None else f"{told} {named}"
