"""Wall-clock times become UTC by the zone that the reader states."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from kopitra.simulation.statements import StatementError, read_statement
from kopitra.simulation.statements.times import StatementClock, zone_named
from tests.unit.statements.mt4_page import Trade, page


def utc(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)


def clock(zone: str) -> StatementClock:
    return StatementClock(zone_named(zone))


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC", "2024-03-04 10:00:00"),
        ("+03:00", "2024-03-04 07:00:00"),
        ("+3", "2024-03-04 07:00:00"),
        ("-0530", "2024-03-04 15:30:00"),
        ("UTC+2", "2024-03-04 08:00:00"),
        ("GMT-1:00", "2024-03-04 11:00:00"),
        ("Europe/Athens", "2024-03-04 08:00:00"),
        ("Asia/Tokyo", "2024-03-04 01:00:00"),
    ],
)
def test_a_zone_is_a_name_or_an_offset(zone: str, expected: str) -> None:
    timeline = read_statement(page([Trade(ticket=1)]).encode(), zone)
    assert timeline.events[0].at == utc(expected)
    assert timeline.events[0].at.tzinfo is UTC


def test_utc_is_the_default_and_is_said() -> None:
    timeline = read_statement(page([Trade(ticket=1)]).encode())
    assert timeline.events[0].at == utc("2024-03-04 10:00:00")
    assert "times are read as UTC" in timeline.notes


def test_a_zone_may_be_an_object() -> None:
    timeline = read_statement(page([Trade(ticket=1)]).encode(), timezone(timedelta(hours=2)))
    assert timeline.events[0].at == utc("2024-03-04 08:00:00")


@pytest.mark.parametrize("zone", ["Mars/Olympus", "+25:00", "summer", "", "../etc/passwd", "+1:2:3"])
def test_an_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(StatementError, match="neither an IANA time zone nor an offset"):
        read_statement(page([Trade(ticket=1)]).encode(), zone)


def test_summer_and_winter_differ() -> None:
    athens = clock("Europe/Athens")
    assert athens.moment("2024.01.10 12:00:00", 1) == utc("2024-01-10 10:00:00")
    assert athens.moment("2024.07.10 12:00:00", 1) == utc("2024-07-10 09:00:00")


def test_a_time_that_a_clock_shows_twice_is_the_earlier() -> None:
    assert clock("Europe/Berlin").moment("2024.10.27 02:30:00", 1) == utc("2024-10-27 00:30:00")


def test_an_end_that_would_precede_its_beginning_is_the_later_of_the_two() -> None:
    began, ended = clock("Europe/Berlin").span("2024.10.27 02:50:00", "2024.10.27 02:10:00", 1)
    assert (began, ended) == (utc("2024-10-27 00:50:00"), utc("2024-10-27 01:10:00"))


def test_a_time_that_the_clock_skipped_is_refused() -> None:
    with pytest.raises(
        StatementError, match=r"line 9: '2024\.03\.31 02:30:00' does not exist in Europe/Berlin"
    ):
        clock("Europe/Berlin").moment("2024.03.31 02:30:00", 9)


def test_an_end_before_the_beginning_is_refused() -> None:
    with pytest.raises(StatementError, match="line 9: it ends at"):
        clock("UTC").span("2024.03.31 02:30:00", "2024.03.31 02:29:59", 9)


def test_seconds_may_be_missing() -> None:
    assert clock("UTC").moment("2024.03.31 02:30", 1) == utc("2024-03-31 02:30:00")


@pytest.mark.parametrize(
    "text", ["0001.01.01 00:00:00", "9999.12.31 23:59:59", "2023.02.29 00:00:00", "2024.03.04T10:00"]
)
def test_a_time_beyond_reason_is_refused(text: str) -> None:
    with pytest.raises(StatementError):
        clock("+14:00" if text.startswith("0") else "-14:00").moment(text, 1)
