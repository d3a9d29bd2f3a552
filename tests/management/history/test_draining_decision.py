"""When history is written: a decision that costs no SQL."""

from datetime import UTC, datetime, timedelta

import pytest

from kopitra_functions.history.draining import DrainRules, Waiting, should_drain

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
RULES = DrainRules(messages=100, age=timedelta(hours=6), awake=timedelta(minutes=5))


@pytest.mark.parametrize(
    ("messages", "minutes_old", "in_use", "why"),
    [
        (0, None, False, None),
        (0, None, True, None),
        (1, 1, False, None),
        (1, 1, True, "sql_in_use"),
        (99, 359, False, None),
        (100, 1, False, "many"),
        (1, 360, False, "old"),
        (1, None, False, None),
    ],
)
def test_much_or_old_or_free(messages: int, minutes_old: int | None, in_use: bool, why: str | None) -> None:
    oldest = NOW - timedelta(minutes=minutes_old) if minutes_old is not None else None
    waiting = Waiting(messages=messages, oldest=oldest)
    assert should_drain(NOW, waiting, RULES, sql_in_use=in_use) == why
