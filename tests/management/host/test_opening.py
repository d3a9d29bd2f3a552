"""The management side opens its real world: SQLite tables, a locked database, a schema from the future."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from azure.functions import HttpRequest, HttpResponse

from kopitra.application.ports.queue import Message
from kopitra_cli.functions_host.contexts import InvocationContext, TraceContext
from kopitra_functions.bootstrap import Management, queue_source
from kopitra_functions.functions import received
from kopitra_functions.queue_names import HISTORY
from kopitra_functions.settings import StartRefused, load_settings
from tests.management.host.test_function_app import message

CONTEXT = InvocationContext(function_name="http", invocation_id="i", trace_context=TraceContext(""))


@pytest.fixture
async def management(tmp_path: Path) -> AsyncGenerator[Management]:
    management = Management(load_settings(data_folder=tmp_path))
    yield management
    await management.close()


def tables(file: Path) -> set[str]:
    with sqlite3.connect(file) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall()
    return {name for (name,) in rows}


async def health(management: Management) -> HttpResponse:
    functions: dict[Any, Any] = {each.get_function_name(): each for each in management.app.get_functions()}
    request = HttpRequest("GET", "http://host/api/admin/health", body=b"")
    return await functions["http"](req=request, context=CONTEXT)


async def test_the_first_request_opens_everything_and_makes_the_tables(
    management: Management, tmp_path: Path
):
    assert not (tmp_path / "management.sqlite").exists()
    assert (await health(management)).status_code == 200
    assert {"accounts", "events", "audit", "checkpoints"} <= tables(tmp_path / "management.sqlite")


async def test_many_first_requests_open_once(management: Management):
    works = await asyncio.gather(*(management.open() for _ in range(10)))
    assert len({id(work) for work in works}) == 1


async def test_what_needs_no_sql_is_served_while_another_process_holds_the_database(
    management: Management, tmp_path: Path
):
    file = tmp_path / "management.sqlite"
    blocker = sqlite3.connect(file, isolation_level=None)
    blocker.execute("PRAGMA locking_mode=EXCLUSIVE")
    blocker.execute("BEGIN EXCLUSIVE")
    assert (await health(management)).status_code == 200
    blocker.execute("ROLLBACK")
    blocker.close()
    await (await management.open()).retention(False)
    assert "accounts" in tables(file)


async def test_a_database_of_a_later_version_stops_the_start(management: Management, tmp_path: Path):
    await management.open()
    await management.close()
    with sqlite3.connect(tmp_path / "management.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StartRefused, match=r"KOPITRA_FUNCTIONS_DATABASE_FILE .*revision 9999"):
        await management.open()


async def test_events_reach_the_queue_of_history_unchanged(management: Management, tmp_path: Path):
    work = await management.open()
    given = received(message("m-1"))
    await work.events([given])
    source = queue_source(management.settings)
    history = await source.open(HISTORY)
    [waiting] = await history.peek()
    assert isinstance(waiting.message, Message)
    assert waiting.message == given.message
    await history.close()
