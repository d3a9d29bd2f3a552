"""Reading a table journal over many pages, with commits that begin on one page and end on another."""

from collections.abc import AsyncIterator

import pytest

from kopitra.adapters.azure import journal_layout, journal_reader
from kopitra.adapters.azure.journal import TableJournal
from kopitra.adapters.azure.tables import Table, connect_table
from kopitra.adapters.embedded.identity import SystemIds
from kopitra.application.ports.journal import Frame
from tests.fixtures.azurite import Azurite
from tests.fixtures.clocks import ManualClock
from tests.fixtures.limited_table import LimitedTable, TableService

PAGE = 4
SMALL_PROPERTY = 50
"""Bytes; so that small commits take several rows."""


@pytest.fixture(params=["limited-table", pytest.param("azurite", marks=pytest.mark.timeout(600))])
async def journal(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[TableJournal]:
    monkeypatch.setattr(journal_reader, "LARGEST_PAGE", PAGE)
    monkeypatch.setattr(journal_layout, "PROPERTY_BYTES", SMALL_PROPERTY)
    monkeypatch.setattr(journal_layout, "ENTITY_BYTES", 2 * SMALL_PROPERTY)
    tables: list[Table] = []
    service = TableService()
    for _ in range(2):
        if request.param == "limited-table":
            tables.append(LimitedTable(service))
        else:
            azurite: Azurite = request.getfixturevalue("azurite_table")
            tables.append(connect_table("paged", connection_string=azurite.connection_string))
    journal = await TableJournal.open(*tables, shard="main", clock=ManualClock(), ids=SystemIds())
    yield journal
    await journal.close()


async def test_pages_and_commits_need_not_end_together(journal: TableJournal):
    fence = await journal.acquire("writer")
    written: list[tuple[Frame, ...]] = []
    for size in [1, 3, 2, 7, 1, 1, 30, 1, 4, 1, 1, 1, 1, 1, 12]:
        following = range(fence.sequence + 1, fence.sequence + size + 1)
        written.append(tuple(Frame(n, n, n.to_bytes(4) * 4) for n in following))
        fence = await journal.append(fence, written[-1])
    assert [commit async for commit in journal.read()] == written
    for after in range(0, fence.sequence, 5):
        flat = [frame.sequence async for commit in journal.read(after) for frame in commit]
        assert flat == list(range(after + 1, fence.sequence + 1))
        (found,) = await journal.frames([after + 1])
        assert found.sequence == after + 1
