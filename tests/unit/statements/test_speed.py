"""A statement of years imports while one waits."""

import time

from kopitra.simulation.statements import read_statement
from tests.unit.statements.mt4_page import Trade, page

ROWS = 20_000
SECONDS = 15
"""Of processor time, three times what it takes: an import that grew with the square of its rows is caught."""


def test_twenty_thousand_rows_import_in_seconds() -> None:
    rows = [
        Trade(
            ticket=1000 + number,
            opened_at=f"2024.{1 + number % 12:02}.{1 + number % 28:02} {number % 24:02}:{number % 60:02}:00",
            closed_at=f"2025.{1 + number % 12:02}.{1 + number % 28:02} {number % 24:02}:{number % 60:02}:00",
            stop_loss="1.07000",
            take_profit="1.09000",
            item=f"symbol{number % 25}",
        )
        for number in range(ROWS)
    ]
    data = page(rows).encode()
    began = time.process_time()
    timeline = read_statement(data)
    assert len(timeline.events) >= 2 * ROWS
    assert time.process_time() - began < SECONDS
