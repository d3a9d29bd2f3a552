"""A difference is told in a sentence that names follower and position."""

from decimal import Decimal

from tests.oracle import Step, differences

OPEN = Step("open", "buy", "EURUSD", Decimal("0.10"), Decimal("1.07"), None)
CLOSE = Step("close", "buy", "EURUSD", Decimal("0.10"))


def test_nothing_is_said_where_all_agree() -> None:
    assert differences("B", {"7": [OPEN, CLOSE]}, {"7": [OPEN, CLOSE]}) == []


def test_equal_volumes_may_be_written_differently() -> None:
    assert differences("B", {"7": [OPEN]}, {"7": [OPEN._replace(volume=Decimal("0.1"))]}) == []


def test_a_missing_step_is_named() -> None:
    assert differences("B", {"7": [OPEN, CLOSE]}, {"7": [OPEN]}) == [
        "B, position 7, step 2: missing close buy EURUSD 0.10 sl none tp none"
    ]


def test_an_unexpected_step_is_named() -> None:
    assert differences("B", {"7": [OPEN]}, {"7": [OPEN, OPEN]}) == [
        "B, position 7, step 2: unexpected open buy EURUSD 0.10 sl 1.07 tp none"
    ]


def test_a_wrong_step_names_what_is_wrong() -> None:
    wrong = OPEN._replace(side="sell", volume=Decimal("0.20"))
    (told,) = differences("B", {"7": [OPEN]}, {"7": [wrong]})
    assert told.startswith("B, position 7, step 1: side, volume differ: expected open buy EURUSD 0.10")
    assert told.endswith("found open sell EURUSD 0.20 sl 1.07 tp none")


def test_positions_nobody_expected_and_positions_nobody_has_are_both_told_in_order() -> None:
    told = differences("B", {"10": [OPEN], "9": [OPEN]}, {"11": [OPEN]})
    assert [sentence.split(",")[1].strip() for sentence in told] == [
        "position 9",
        "position 10",
        "position 11",
    ]
