"""First answers to idempotency keys."""

from datetime import datetime, timedelta

from kopitra.domain.limits import IDEMPOTENCY_HOURS
from kopitra.machine.state import Account, AnsweredKey

KEPT_FOR = timedelta(hours=IDEMPOTENCY_HOURS)


def answer_key(scope: str, key: str) -> str:
    """`scope` is method and path template; keys hold visible characters only, so the line break keeps them apart."""
    return f"{scope}\n{key}"


def recall(account: Account, scope: str, key: str, now: datetime) -> AnsweredKey | None:
    """The first answer to this key; None where there is none, or none any more."""
    answer = account.keys.get(answer_key(scope, key))
    return answer if answer is not None and answer.at + KEPT_FOR > now else None
