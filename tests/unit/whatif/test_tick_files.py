"""Files of quotes in the shapes that people have them."""

import zipfile
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO

import pytest

from kopitra.simulation.whatif.ticks import TickFile, TicksInvalid, members_of, quotes_of
from tests.unit.whatif.stories import D, tick_file

BY_DAY = "14440,1.39248,1.39250\n86399999,1.39250,1.39252\n"
DAY_NAME = "20140507_eurusd_tick_quote.csv"


def read(file: TickFile) -> list[tuple[str, str, str, str]]:
    return [
        (quote.symbol, str(quote.bid), str(quote.ask), quote.at.isoformat() if quote.at else "")
        for member in members_of(file)
        for quote in quotes_of(member)
    ]


def zipped(**members: str) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return packed.getvalue()


def test_milliseconds_of_the_day_in_the_files_name() -> None:
    assert read(tick_file(BY_DAY, DAY_NAME)) == [
        ("eurusd", "1.39248", "1.39250", "2014-05-07T00:00:14.440000+00:00"),
        ("eurusd", "1.39250", "1.39252", "2014-05-07T23:59:59.999000+00:00"),
    ]


def test_a_zip_of_days_is_read_file_by_file() -> None:
    data = zipped(**{DAY_NAME: BY_DAY, "20140508_gbpusd_tick_quote.csv": "0,1.69,1.70\n"})
    found = read(TickFile(name="ticks.zip", open=lambda: BytesIO(data)))
    assert [symbol for symbol, *_ in found] == ["eurusd", "eurusd", "gbpusd"]
    assert [member.name for member in members_of(TickFile(name="t.zip", open=lambda: BytesIO(data)))] == [
        f"t.zip/{DAY_NAME}",
        "t.zip/20140508_gbpusd_tick_quote.csv",
    ]


def test_metatraders_export_leaves_out_what_did_not_change() -> None:
    text = (
        "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>\n"
        "2020.01.02\t00:04:05.678\t1.12100\t1.12110\t\t\t6\n"
        "2020.01.02\t00:04:06.000\t1.12101\t\t\t\t2\n"
    )
    assert read(tick_file(text, "EURUSD_202001020000_202001022359.csv")) == [
        ("EURUSD", "1.12100", "1.12110", "2020-01-02T00:04:05.678000+00:00"),
        ("EURUSD", "1.12101", "1.12110", "2020-01-02T00:04:06+00:00"),
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_named_columns_come_in_any_order_with_any_separator(separator: str) -> None:
    lines = [
        ["Ask", "Symbol", "note", "Bid", "Time"],
        ["1.3", "XAUUSD.x", "?", "1.2", "2024-03-04T10:00:00+02:00"],
    ]
    text = "\ufeff" + "\r\n".join(separator.join(line) for line in lines)
    assert read(tick_file(text, "anything.txt")) == [("XAUUSD.x", "1.2", "1.3", "2024-03-04T08:00:00+00:00")]


def test_times_without_a_zone_are_in_the_files_zone() -> None:
    text = "time,bid,ask\n2024-03-04 10:00:00,1.2,1.3\n"
    file = TickFile(name="eurusd.csv", open=lambda: BytesIO(text.encode()), zone=timezone(timedelta(hours=2)))
    assert [quote.at for quote in quotes_of(file)] == [datetime(2024, 3, 4, 8, tzinfo=UTC)]
    assert next(quotes_of(file)).bid == D("1.2")


@pytest.mark.parametrize(
    ("text", "name", "told"),
    [
        ("", DAY_NAME, f"{DAY_NAME}:1: is empty"),
        ("1,2,3\n", "eurusd.csv", "eurusd.csv:1: names no columns bid and ask"),
        ("1,2\n", DAY_NAME, f"{DAY_NAME}:1: '1,2' is not milliseconds since midnight, bid, ask"),
        ("86400001,1.1,1.2\n", DAY_NAME, f"{DAY_NAME}:1: 86400001 milliseconds are not within a day"),
        ("1,1.1,1.2\n2,0,1.2\n", DAY_NAME, f"{DAY_NAME}:2: bid 0 and ask 1.2 are no prices"),
        ("1,NaN,1.2\n", DAY_NAME, f"{DAY_NAME}:1: bid NaN and ask 1.2 are no prices"),
        ("2,1.1,1.2\n1,1.1,1.2\n", DAY_NAME, f"{DAY_NAME}:2: goes back in time"),
        ("1,1.1,1.2\n", "20141307_eurusd_x.csv", "20141307_eurusd_x.csv: the file's name holds a day that"),
        ("bid,ask\n1.1,1.2\n", "eurusd.csv", "eurusd.csv:1: has no column time"),
        ("time,bid,ask\n", "prices.csv", "prices.csv:1: has no column symbol"),
        (
            "time,bid,ask\nyesterday,1.1,1.2\n",
            "eurusd.csv",
            "eurusd.csv:2: 'yesterday,1.1,1.2' is not a time",
        ),
        ("time,bid,ask\n2024-03-04,,1.2\n", "eurusd.csv", "eurusd.csv:2: '2024-03-04,,1.2' is not a time"),
    ],
)
def test_what_is_no_quote_is_refused_with_file_and_line(text: str, name: str, told: str) -> None:
    with pytest.raises(TicksInvalid) as refusal:
        read(tick_file(text, name))
    assert str(refusal.value).startswith(told)


def test_a_zip_that_is_damaged_or_empty_is_refused() -> None:
    with pytest.raises(TicksInvalid, match="the archive is empty"):
        members_of(TickFile(name="t.zip", open=lambda: BytesIO(zipped())))
    whole = bytearray(zipped(**{DAY_NAME: BY_DAY * 100}))
    start = whole.index(b"eurusd_tick_quote.csv") + 40
    whole[start : start + 20] = bytes(20)
    with pytest.raises(TicksInvalid, match="cannot be unpacked"):
        read(TickFile(name="t.zip", open=lambda: BytesIO(bytes(whole))))
