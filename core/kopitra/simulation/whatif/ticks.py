"""Files of real quotes, read as they are needed: a CSV, or a zip of them.

A CSV either names its columns in its first line, or is of the kind without a header whose file name holds day and
symbol (`20140507_eurusd_tick_quote.csv`): milliseconds since midnight, bid, ask.

Named columns, in any order and case, `<` and `>` around a name do not count, others are passed over; separated by
comma, semicolon or tab:

* `time`: ISO 8601 or `2020.01.02 03:04:05.678`; or `date` and `time` apart, as MetaTrader 5 exports ticks
* `bid`, `ask`: an empty one is as it was in the line before
* `symbol`: where it is missing, the file's name must hold it
"""

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import PurePath
from typing import IO

import msgspec

from kopitra.domain.quotes import Quote
from kopitra.simulation.histories.catalogue import known_symbol

DAY_AND_SYMBOL = re.compile(r"^(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})_(?P<symbol>[A-Za-z0-9.#]+)_")
NAME_PARTS = re.compile(r"[\s_\-]+")
SEPARATORS = (",", ";", "\t")
MILLISECONDS_A_DAY = 86_400_000
LONGEST_LINE = 1_000
"""Characters; a longer one is no quote."""
UTF8_MARK = "\ufeff"


class TicksInvalid(ValueError):
    """A file of quotes cannot be read; `line` counts from 1, None where no line is to blame."""

    code = "ticks_invalid"

    def __init__(self, file: str, line: int | None, reason: str) -> None:
        self.file = file
        self.line = line
        self.reason = reason
        super().__init__(f"{file}: {reason}" if line is None else f"{file}:{line}: {reason}")


class TickFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of quotes; `open` gives its bytes from the beginning, `zone` is that of its times."""

    name: str
    open: Callable[[], IO[bytes]]
    zone: tzinfo = UTC


def members_of(file: TickFile) -> list[TickFile]:
    """The CSV files in a zip, each a file of its own; any other file is its own only one. Raises TicksInvalid,
    OSError."""
    with file.open() as raw:
        if not zipfile.is_zipfile(raw):
            return [file]
        with zipfile.ZipFile(raw) as archive:
            members = sorted(info.filename for info in archive.infolist() if not info.is_dir())
    if not members:
        raise TicksInvalid(file.name, None, "the archive is empty")
    return [
        TickFile(name=f"{file.name}/{member}", open=partial(_unpacked, file, member), zone=file.zone)
        for member in members
    ]


def quotes_of(file: TickFile) -> Iterator[Quote]:
    """Every quote of a CSV file with its time, ascending, under the file's own symbols. Raises TicksInvalid and
    OSError."""
    try:
        with file.open() as raw:
            yield from _in_order(file.name, _lines(file.name, raw, file.zone))
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError) as broken:
        raise TicksInvalid(file.name, None, f"cannot be unpacked: {broken}") from broken


def _unpacked(file: TickFile, member: str) -> IO[bytes]:
    with file.open() as raw, zipfile.ZipFile(raw) as archive:
        return io.BytesIO(archive.read(member))


def _in_order(where: str, quotes: Iterator[tuple[int, Quote]]) -> Iterator[Quote]:
    latest: datetime | None = None
    for line, quote in quotes:
        assert quote.at is not None
        if latest is not None and quote.at < latest:
            raise TicksInvalid(where, line, f"goes back in time, from {latest:%Y-%m-%d %H:%M:%S}")
        latest = quote.at
        yield quote


def _lines(where: str, raw: IO[bytes], zone: tzinfo) -> Iterator[tuple[int, Quote]]:
    text = io.TextIOWrapper(raw, encoding="utf-8", errors="replace", newline=None)
    first = text.readline(LONGEST_LINE).lstrip(UTF8_MARK).strip()
    if not first:
        raise TicksInvalid(where, 1, "is empty")
    read, has_header = _reader(where, first, zone)
    if not has_header:
        yield 1, read(1, first)
    number = 1
    while line := text.readline(LONGEST_LINE):
        number += 1
        if line := line.strip():
            yield number, read(number, line)


Read = Callable[[int, str], Quote]


def _reader(where: str, first: str, zone: tzinfo) -> tuple[Read, bool]:
    separator = max(SEPARATORS, key=first.count)
    columns = [column.strip(" <>\"'").lower() for column in first.split(separator)]
    if "bid" in columns and "ask" in columns:
        return _named(where, columns, separator, zone), True
    day = DAY_AND_SYMBOL.match(PurePath(where).name)
    if day is None:
        raise TicksInvalid(
            where,
            1,
            "names no columns bid and ask, and the file's name has no day and symbol "
            "(20140507_eurusd_….csv) that would do without",
        )
    return _by_day(where, day, zone), False


def _by_day(where: str, found: re.Match[str], zone: tzinfo) -> Read:
    try:
        midnight = datetime(int(found["year"]), int(found["month"]), int(found["day"]), tzinfo=zone)
    except ValueError as impossible:
        raise TicksInvalid(where, None, "the file's name holds a day that does not exist") from impossible
    symbol, began = found["symbol"], midnight.astimezone(UTC)

    def read(number: int, line: str) -> Quote:
        fields = line.split(",")
        try:
            passed = int(fields[0])
            bid, ask = Decimal(fields[1]), Decimal(fields[2])
        except (IndexError, ValueError, InvalidOperation):
            raise TicksInvalid(
                where, number, f"{line!r} is not milliseconds since midnight, bid, ask"
            ) from None
        if not 0 <= passed <= MILLISECONDS_A_DAY:
            raise TicksInvalid(where, number, f"{passed} milliseconds are not within a day")
        return _sound(where, number, Quote(symbol, bid, ask, began + timedelta(milliseconds=passed)))

    return read


def _named(where: str, columns: list[str], separator: str, zone: tzinfo) -> Read:
    at = {column: index for index, column in enumerate(columns)}
    if "time" not in at:
        raise TicksInvalid(where, 1, "has no column time")
    symbol_in_name = _symbol_in(where) if "symbol" not in at else ""
    if symbol_in_name is None:
        raise TicksInvalid(where, 1, "has no column symbol, and the file's name holds none that is known")
    last: dict[str, tuple[Decimal, Decimal]] = {}

    def read(number: int, line: str) -> Quote:
        fields = [field.strip(" \"'") for field in line.split(separator)]
        try:
            time = fields[at["time"]]
            if "date" in at:
                time = f"{fields[at['date']]} {time}"
            symbol = fields[at["symbol"]] if "symbol" in at else symbol_in_name or ""
            before = last.get(symbol)
            bid = _price(fields[at["bid"]], before[0] if before else None)
            ask = _price(fields[at["ask"]], before[1] if before else None)
            moment = _moment(time, zone)
        except (IndexError, ValueError, InvalidOperation):
            raise TicksInvalid(where, number, f"{line!r} is not a time, a bid and an ask") from None
        last[symbol] = (bid, ask)
        return _sound(where, number, Quote(symbol, bid, ask, moment))

    return read


def _price(text: str, before: Decimal | None) -> Decimal:
    if not text and before is not None:
        return before
    return Decimal(text)


def _moment(text: str, zone: tzinfo) -> datetime:
    """Raises ValueError."""
    if text[4:5] == ".":
        text = text.replace(".", "-", 2)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).astimezone(UTC)


def _sound(where: str, number: int, quote: Quote) -> Quote:
    """A bid above the ask happens in real feeds: that is for whoever uses the quotes."""
    bid, ask = quote.bid, quote.ask
    if not (bid.is_finite() and ask.is_finite() and bid > 0 and ask > 0):
        raise TicksInvalid(where, number, f"bid {bid} and ask {ask} are no prices")
    return quote


def _symbol_in(name: str) -> str | None:
    """ "EURUSD_202001020000_202001312359.csv", "ticks-eurusd.csv" → the part that is a known symbol."""
    stem = PurePath(name).name
    for suffix in PurePath(stem).suffixes[-1:]:
        stem = stem.removesuffix(suffix)
    return next((part for part in NAME_PARTS.split(stem) if part and known_symbol(part)), None)
