"""What the management side tells: requests, drains, dead letters, and spans that go on to whoever it calls."""

from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from azure.functions import HttpRequest
from azure.functions.timer import TimerRequest

from kopitra.application.measured import INSTRUMENTS, QUEUES
from kopitra.application.ports.feature_flags import AsDeclared, Flag
from kopitra.application.ports.queue import Message
from kopitra.application.ports.telemetry import Service, SpanKind
from kopitra_functions import bootstrap, queue_names
from kopitra_functions.bootstrap import Management
from kopitra_functions.measuring import DeadLetters, DrainCounts
from kopitra_functions.settings import SettingsInvalid, load_settings
from kopitra_functions.tracing import current_trace, in_trace, spanned
from tests.fixtures.telling import Telling, ToldSpan
from tests.management.host.test_function_app import CONTEXT, Noted, functions, message
from tests.management.world import managed

HOST = "00-11111111111111111111111111111111-2222222222222222-01"


class AllOff(AsDeclared):
    def enabled(self, flag: Flag) -> bool:
        return False


@pytest.fixture
def telling() -> Telling:
    return Telling()


async def test_requests_are_counted_and_have_a_span_that_is_handed_on(telling: Telling, tmp_path: Path):
    async with managed(tmp_path, telemetry=telling) as side:
        with in_trace(HOST):
            assert (await side.call("GET", "/tasks", X_TradeAgent_Request_ID="asked-1")).status == 200
        assert (await side.call("GET", "/nothing")).status == 404
        assert (await side.call("GET", "/health")).status == 200
    assert telling.counts[("kopitra.requests", "2xx")] == 2
    assert telling.counts[("kopitra.requests", "4xx")] == 1
    [span] = telling.spans
    assert (span.name, span.kind, span.request_id) == ("GET /tasks", SpanKind.REQUEST, "asked-1")
    assert (span.parent, span.status, span.failed) == (HOST, 200, False)


async def test_dead_letters_are_told_by_queue_as_of_the_last_look(telling: Telling, tmp_path: Path):
    async with managed(tmp_path) as side:
        await side.world.queues.tasks.send([Message(body=b"{}", message_id="m-1")])
        [one] = await side.world.queues.tasks.receive(1)
        await side.world.queues.tasks.dead_letter(one, reason="malformed")
        await DeadLetters(telling, side.world.queues).look()
    assert {name[1]: value for name, value in telling.gauges.items()} == {
        "trade-agent-events": 0,
        "trade-agent-history": 0,
        "trade-agent-commands": 0,
        "management-tasks": 1,
    }


def test_drains_tell_what_was_written_and_what_was_set_aside(telling: Telling):
    DrainCounts(telling).drained(messages=10, dead_lettered=3)
    assert telling.counts[("kopitra.drain.rows", "written")] == 7
    assert telling.counts[("kopitra.drain.rows", "dead_lettered")] == 3


def test_the_table_knows_the_queues_by_their_names():
    assert set(QUEUES) == set(queue_names.ALL)


def test_what_is_done_inside_a_span_belongs_to_it_and_an_error_has_failed_it(telling: Telling):
    inside: list[str | None] = []

    def fail() -> None:
        with in_trace(HOST), spanned(telling, "events", SpanKind.MESSAGE, of_requests=["r-1", None, "r-2"]):
            inside.append(current_trace())
            raise RuntimeError("the queue is away")

    with pytest.raises(RuntimeError):
        fail()
    assert (inside, current_trace()) == ([ToldSpan.traceparent], None)
    [span] = telling.spans
    assert (span.parent, span.of_requests, span.failed) == (HOST, ("r-1", "r-2"), True)


async def test_a_whole_management_side_tells_the_figures_of_the_table_and_no_other(tmp_path: Path):
    settings = load_settings(data_folder=tmp_path, telemetry_file=tmp_path / "told.jsonl", trace_ratio=1.0)
    management = Management(settings)
    app = {function.get_function_name(): function for function in management.app.get_functions()}
    request: Any = HttpRequest("GET", "http://host/api/admin/health", headers={}, body=b"")
    sweep, http = cast(Any, app["reconcile_sweep"]), cast(Any, app["http"])
    await sweep(timer=TimerRequest(past_due=False), context=CONTEXT)
    assert (await http(req=request, context=CONTEXT)).status_code == 200
    await management.close()
    lines = [msgspec.json.decode(line) for line in (tmp_path / "told.jsonl").read_bytes().splitlines()]
    table = {i.name: i for i in INSTRUMENTS if Service.FUNCTIONS in i.told_by}
    for line in (one for one in lines if "metric" in one):
        dimensions = {one.name: one.values for one in table[line["metric"]].dimensions}
        assert line["dimensions"].keys() == dimensions.keys()
        assert all(value in dimensions[name] for name, value in line["dimensions"].items())
    assert {line.get("metric") for line in lines} >= {"kopitra.requests", "kopitra.dead_letters"}
    [span] = [line for line in lines if line.get("span") == "reconcile_sweep"]
    assert span["traceId"] in CONTEXT.trace_context.trace_parent
    assert {line["service"] for line in lines} == {"kopitra-functions"}


class Told(AsDeclared):
    """What is asked of a store of flags."""

    def __init__(self) -> None:
        self.looks, self.runs = 0, 0

    async def look(self) -> None:
        self.looks += 1

    async def run(self) -> None:
        self.runs += 1


async def test_a_process_reads_flags_only_where_something_hangs_on_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Every timer has processes of its own in Azure: one that asked in the background would use up the free tier."""
    flags = Told()

    def opened(*given: object) -> Told:
        return flags

    monkeypatch.setattr(bootstrap, "open_flags", opened)
    management = Management(load_settings(data_folder=tmp_path))
    app = {function.get_function_name(): function for function in management.app.get_functions()}
    await cast(Any, app["reconcile_sweep"])(timer=TimerRequest(past_due=False), context=CONTEXT)
    await management.close()
    assert (flags.looks, flags.runs) == (0, 0)


async def test_a_what_if_run_looks_at_the_store_before_it_is_taken_and_nothing_else_does(tmp_path: Path):
    flags = Told()
    async with managed(tmp_path, features=flags) as side:
        await side.call("POST", "/tasks/export/run", {"parameters": {}})
        assert flags.looks == 0
        await side.call("POST", "/what-if/statements?name=a.csv", b"a statement")
        await side.call("POST", "/tasks/what_if/run", {"parameters": {}})
    assert flags.looks == 2


async def test_what_if_uploads_that_are_switched_off_are_refused(tmp_path: Path):
    async with managed(tmp_path, features=AllOff()) as side:
        uploaded = await side.call("POST", "/what-if/statements?name=a.csv", b"a statement")
        started = await side.call("POST", "/tasks/what_if/run", {"parameters": {}})
        export = await side.call("POST", "/tasks/export/run", {"parameters": {}})
    for refused in (uploaded, started):
        assert (refused.status, refused.json["code"]) == (409, "feature_disabled")
    assert export.json["code"] != "feature_disabled"


def test_flags_of_another_service_are_no_setting_of_this_one():
    with pytest.raises(SettingsInvalid, match=r"KOPITRA_FUNCTIONS_FEATURE_FLAGS.*operator-orders"):
        load_settings(feature_flags={"operator-orders": False})
    assert load_settings(feature_flags={"what-if-uploads": False}).feature_flags == {"what-if-uploads": False}


async def test_every_invocation_of_a_queue_or_a_timer_has_a_span_in_the_host_s_trace(telling: Telling):
    app = functions(Noted(telling))
    await app["events"](messages=[message("m-1"), message("m-2", correlation_id=None)], context=CONTEXT)
    await app["task"](message=message(), context=CONTEXT)
    await app["history_drain"](timer=TimerRequest(past_due=False), context=CONTEXT)
    events, task, drain = telling.spans
    assert (events.kind, events.of_requests) == (SpanKind.MESSAGE, ("request-1",))
    assert (task.kind, task.request_id) == (SpanKind.MESSAGE, "request-1")
    assert (drain.name, drain.kind) == ("history_drain", SpanKind.TIMER)
    assert {span.parent for span in telling.spans} == {CONTEXT.trace_context.trace_parent}
    assert all(span.ended for span in telling.spans)
