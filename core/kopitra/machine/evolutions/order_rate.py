"""When an account's last opens were ordered: what a guard on the rate of orders counts."""

from datetime import datetime, timedelta

from kopitra.domain.guards import MAX_RATE, MAX_WINDOW_SECONDS
from kopitra.machine.state import FollowerBook

LONGEST = timedelta(seconds=MAX_WINDOW_SECONDS)


def note_open(book: FollowerBook, at: datetime) -> None:
    """Keeps an hour's opens, and no more than rates can count."""
    opens = book.opens
    opens.append(at)
    outlived = next(index for index, other in enumerate(opens) if other > at - LONGEST)
    del opens[: max(outlived, len(opens) - MAX_RATE)]
