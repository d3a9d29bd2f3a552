"""What the SDK makes of figures and spans: as a file, and as Application Insights would get it."""

import asyncio
import gzip
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kopitra.adapters.otel.spans import trace_of
from kopitra.adapters.telemetry import About, Destination, DestinationUnusable, open_telemetry
from kopitra.application import measured
from kopitra.application.ports.telemetry import UNTOLD, Service, SpanKind, Telemetry
from kopitra.domain.identifiers import RequestId

ABOUT = About(service=Service.COUNTERPARTY, build="abc123", shard="main", instance="one")
REQUEST = RequestId("request-1")
ANOTHER = RequestId("request-2")
TRACE = "0af7651916cd43dd8448eb211c80319c"
NOT_SAMPLED = f"00-{TRACE}-b7ad6b7169203331-00"
NEVER = 3600.0
"""Told at the end only."""


def opened(file: Path, ratio: float = 1.0) -> Telemetry:
    return open_telemetry(ABOUT, Destination(file=file, trace_ratio=ratio, every_seconds=NEVER))


def told(file: Path, telemetry: Telemetry) -> list[dict[str, Any]]:
    asyncio.run(telemetry.close())
    return [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]


def test_without_a_destination_nothing_is_told():
    assert open_telemetry(ABOUT, Destination(trace_ratio=1.0)) is UNTOLD


def test_figures_end_in_the_file_with_who_tells_them(tmp_path: Path):
    telemetry = opened(tmp_path / "told.jsonl")
    telemetry.counter(measured.REQUESTS, status="2xx").add()
    telemetry.counter(measured.REQUESTS, status="2xx").add(2)
    telemetry.counter(measured.REQUESTS, status="5xx")
    telemetry.gauge(measured.OUTBOX_PENDING).set(7)
    commit = telemetry.histogram(measured.COMMIT, outcome="written")
    for milliseconds in (4.0, 2.0, 6.0):
        commit.record(milliseconds)
    lines = {line["metric"]: line for line in told(tmp_path / "told.jsonl", telemetry)}
    assert lines.keys() == {"kopitra.requests", "kopitra.outbox.pending", "kopitra.commit"}
    assert lines["kopitra.requests"]["value"] == 3
    assert lines["kopitra.requests"]["dimensions"] == {"status": "2xx"}
    assert lines["kopitra.outbox.pending"]["value"] == 7
    figures = lines["kopitra.commit"]
    assert [figures[name] for name in ("count", "sum", "min", "max", "unit")] == [3, 12.0, 2.0, 6.0, "ms"]
    assert {line["service"] for line in lines.values()} == {"kopitra-counterparty"}


def test_what_is_not_known_any_more_is_not_told(tmp_path: Path):
    telemetry = opened(tmp_path / "told.jsonl")
    gauge = telemetry.gauge(measured.OUTBOX_PENDING)
    gauge.set(7)
    gauge.set(None)
    assert told(tmp_path / "told.jsonl", telemetry) == []


@pytest.mark.parametrize("given", [{}, {"status": "6xx"}, {"status": "2xx", "route": "/"}, {"state": "2xx"}])
@pytest.mark.parametrize("telling", [True, False])
def test_a_dimension_that_the_table_does_not_declare_is_refused(
    given: dict[str, str], telling: bool, tmp_path: Path
):
    telemetry = opened(tmp_path / "told.jsonl") if telling else UNTOLD
    with pytest.raises(ValueError, match=r"kopitra\.requests"):
        telemetry.counter(measured.REQUESTS, **given)
    with pytest.raises(ValueError, match="is a counter"):
        telemetry.gauge(measured.REQUESTS, status="2xx")
    asyncio.run(telemetry.close())


def test_the_trace_of_a_request_follows_from_its_id_wherever_it_is_told(tmp_path: Path):
    there, here = opened(tmp_path / "there.jsonl"), opened(tmp_path / "here.jsonl")
    spans: list[dict[str, Any]] = []
    for telemetry, file in ((there, "there.jsonl"), (here, "here.jsonl")):
        span = telemetry.begin("POST /signals", SpanKind.REQUEST, request_id=REQUEST)
        assert span is not None
        span.end(status=202)
        spans += told(tmp_path / file, telemetry)
    assert [span["traceId"] for span in spans] == [f"{trace_of(REQUEST):032x}"] * 2
    assert spans[0]["spanId"] != spans[1]["spanId"]
    assert spans[0]["attributes"] == {
        "http.request.method": "POST",
        "http.route": "/signals",
        "http.response.status_code": 202,
        "kopitra.request_id": REQUEST,
    }


def test_a_traceparent_is_continued_and_can_be_handed_on(tmp_path: Path):
    telemetry = opened(tmp_path / "told.jsonl")
    span = telemetry.begin("POST /signals", SpanKind.REQUEST, request_id=REQUEST, traceparent=NOT_SAMPLED)
    assert span is not None
    assert span.traceparent.startswith(f"00-{TRACE}-")
    span.end(status=503, failed=True)
    [line] = told(tmp_path / "told.jsonl", telemetry)
    assert (line["traceId"], line["parentId"], line["failed"]) == (TRACE, "b7ad6b7169203331", True)


@pytest.mark.parametrize("wrong", ["", "00-zz", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "x" * 5000])
def test_a_traceparent_that_is_none_is_ignored(wrong: str, tmp_path: Path):
    telemetry = opened(tmp_path / "told.jsonl")
    span = telemetry.begin("POST /signals", SpanKind.REQUEST, request_id=REQUEST, traceparent=wrong)
    assert span is not None
    span.end()
    [line] = told(tmp_path / "told.jsonl", telemetry)
    assert line["traceId"] == f"{trace_of(REQUEST):032x}"


def test_work_for_many_requests_is_linked_to_the_trace_of_each(tmp_path: Path):
    telemetry = opened(tmp_path / "told.jsonl")
    span = telemetry.begin("events", SpanKind.MESSAGE, of_requests=[REQUEST, ANOTHER, REQUEST])
    assert span is not None
    span.end()
    [line] = told(tmp_path / "told.jsonl", telemetry)
    assert line["links"] == [f"{trace_of(REQUEST):032x}", f"{trace_of(ANOTHER):032x}"]
    assert line["attributes"] == {"kopitra.request_ids": [REQUEST, ANOTHER]}


def test_the_share_of_traces_that_is_told_is_the_same_in_every_service(tmp_path: Path):
    requests = [RequestId(f"request-{number}") for number in range(2000)]
    found: list[set[RequestId]] = []
    for name in ("one.jsonl", "two.jsonl"):
        telemetry = opened(tmp_path / name, ratio=0.1)
        begun = {r: telemetry.begin("POST /x", SpanKind.REQUEST, request_id=r) for r in requests}
        found.append({request for request, span in begun.items() if span is not None})
        asyncio.run(telemetry.close())
    assert found[0] == found[1]
    assert 120 < len(found[0]) < 280


def test_without_a_share_there_are_figures_and_no_spans(tmp_path: Path):
    telemetry = opened(tmp_path / "told.jsonl", ratio=0.0)
    assert telemetry.told
    assert telemetry.begin("POST /x", SpanKind.REQUEST, traceparent=NOT_SAMPLED.replace("-00", "-01")) is None
    asyncio.run(telemetry.close())


class Ingestion:
    """Stands in for Application Insights' ingestion endpoint."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []

    @contextmanager
    def listening(self) -> Generator[str]:
        """Gives the connection string."""
        items = self.items

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                found = msgspec.json.decode(body)
                items.extend(found)
                answer = msgspec.json.encode(
                    {"itemsReceived": len(found), "itemsAccepted": len(found), "errors": []}
                )
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                return None

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield (
                "InstrumentationKey=00000000-0000-0000-0000-000000000001;"
                f"IngestionEndpoint=http://127.0.0.1:{server.server_port}/"
            )
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def test_application_insights_gets_the_same_names_and_dimensions_under_the_service_s_role():
    ingestion = Ingestion()
    with ingestion.listening() as where:
        telemetry = open_telemetry(
            ABOUT, Destination(connection_string=where, trace_ratio=1.0, every_seconds=NEVER)
        )
        telemetry.counter(measured.REQUESTS, status="2xx").add(3)
        commit = telemetry.histogram(measured.COMMIT, outcome="written")
        commit.record(4.0)
        commit.record(2.0)
        span = telemetry.begin("POST /signals", SpanKind.REQUEST, request_id=REQUEST)
        assert span is not None
        span.end(status=202)
        asyncio.run(telemetry.close())
    figures = {
        point["name"]: (point, item["data"]["baseData"]["properties"])
        for item in ingestion.items
        if item["data"]["baseType"] == "MetricData"
        for point in item["data"]["baseData"]["metrics"]
    }
    point, properties = figures["kopitra.requests"]
    assert (point["value"], properties) == (3, {"status": "2xx"})
    point, properties = figures["kopitra.commit"]
    assert (point["value"], point["count"], point["min"], point["max"]) == (6.0, 2, 2.0, 4.0)
    assert properties == {"outcome": "written"}
    [request] = [i for i in ingestion.items if i["data"]["baseType"] == "RequestData"]
    told = request["data"]["baseData"]
    assert (told["name"], told["responseCode"], told["success"]) == ("POST /signals", "202", True)
    assert told["properties"]["kopitra.request_id"] == REQUEST
    assert request["tags"]["ai.operation.id"] == f"{trace_of(REQUEST):032x}"
    assert {i["tags"]["ai.cloud.role"] for i in ingestion.items} == {"kopitra-counterparty"}
    assert {i["tags"]["ai.application.ver"] for i in ingestion.items} == {"abc123"}


@pytest.mark.parametrize(
    "destination",
    [
        Destination(connection_string="nonsense"),
        Destination(
            connection_string="InstrumentationKey=00000000-0000-0000-0000-000000000001",
            authentication="Authorization=Secret",
        ),
        Destination(file=Path("/dev/null/told.jsonl")),
    ],
)
def test_a_destination_that_is_none_is_refused_without_telling_secrets(destination: Destination):
    with pytest.raises(DestinationUnusable) as refused:
        open_telemetry(ABOUT, destination)
    assert "nonsense" not in str(refused.value)
    assert "0001" not in str(refused.value)
