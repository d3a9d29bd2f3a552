"""First answers to idempotency keys: kept for a day, and no more than a fixed number an account."""

from datetime import datetime

from kopitra.domain.limits import IDEMPOTENCY_KEYS_PER_ACCOUNT
from kopitra.machine.answers import KEPT_FOR, answer_key
from kopitra.machine.events import Recorded, RequestAnswered
from kopitra.machine.state import Account, AnsweredKey, State


def request_answered(state: State, event: RequestAnswered, recorded: Recorded) -> None:
    account = state.accounts[event.account]
    key = answer_key(event.scope, event.key)
    account.keys.pop(key, None)  # an outlived answer makes room, so that the youngest is always last
    account.keys[key] = AnsweredKey(digest=event.digest, status=event.status, body=event.body, at=recorded.at)
    _forget_oldest(account, recorded.at)


def _forget_oldest(account: Account, now: datetime) -> None:
    """Only from the front and only by the event's own time, so every replay forgets the same keys."""
    keys = account.keys
    while True:
        oldest = next(iter(keys))
        if len(keys) <= IDEMPOTENCY_KEYS_PER_ACCOUNT and keys[oldest].at + KEPT_FOR > now:
            return
        del keys[oldest]
