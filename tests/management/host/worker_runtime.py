"""Run by Python 3.13 or newer, in an environment with Azure's own worker runtime and none of the tests: index the
function app of a folder as Azure does, invoke functions of each kind, and print what became of it as JSON.

`worker_runtime.py APP_FOLDER`. Only what the runtime takes as gRPC's generated classes is made up here.
"""
# The runtime is not installed where types are checked.
# pyright: basic, reportMissingImports=false

import asyncio
import json
import sys
from types import SimpleNamespace
from typing import Any

from azure_functions_runtime import native_invocation, worker_init_request
from azure_functions_runtime.bindings.datumdef import Datum

EMPTY: dict[str, Any] = {}


class Record(SimpleNamespace):
    """Stands for a generated class: keeps what it is given."""


class StatusResult(Record):
    Success = "success"
    Failure = "failure"


class BindingInfo(Record):
    undefined = None
    out = 1
    inout = 2


class Protos:
    StatusResult = StatusResult
    BindingInfo = BindingInfo

    def __getattr__(self, name: str) -> type[Record]:
        return Record


def text(value: str) -> Any:
    return Datum(value, "string")


def http(method: str, url: str, **headers: str) -> Any:
    value = {
        "method": text(method),
        "url": text(url),
        "headers": {name: text(given) for name, given in headers.items()},
        "body": Datum(b"", "bytes"),
        "params": {},
        "query": {},
    }
    return Datum(value, "http")


def batch(*bodies: bytes) -> tuple[Any, dict[str, Any]]:
    """What the host gives of a batch: the bodies, and an array of each property."""

    def array(*values: object) -> Any:
        return Datum(json.dumps(values), "json")

    count = range(len(bodies))
    metadata = {
        "UserPropertiesArray": array(*({} for _ in count)),
        "ApplicationPropertiesArray": array(*({"tries": 1} for _ in count)),
        "MessageIdArray": array(*(f"m-{number}" for number in count)),
        "SequenceNumberArray": array(*(number + 1 for number in count)),
        "DeliveryCountArray": array(*(1 for _ in count)),
        "EnqueuedTimeUtcArray": array(*("2026-01-05T10:11:12Z" for _ in count)),
        "SubjectArray": array(*("copy.planned" for _ in count)),
        "CorrelationIdArray": array(*("r" for _ in count)),
    }
    return Datum(SimpleNamespace(bytes=list(bodies)), "collection_bytes"), metadata


async def invoked(ids: dict[str, str], name: str, parameter: str, given: Any, metadata: Any = EMPTY) -> Any:
    """Whether it went well, what came back, and what was raised."""
    return await native_invocation.invocation_request_native(
        f"invocation of {name}", ids[name], [(parameter, given)], metadata
    )


def answer(result: Any) -> dict[str, Any]:
    ok, datum, _, error, _ = result
    value = datum.value if ok else {}
    body = value["body"].value if ok else b""
    return {
        "ok": ok,
        "error": error,
        "status": int(value["status_code"].value) if ok else None,
        "body": body.decode() if isinstance(body, bytes) else body,
    }


async def main(folder: str) -> dict[str, Any]:
    sys.path.insert(0, folder)
    init = SimpleNamespace(capabilities={}, function_app_directory=folder)
    request = SimpleNamespace(
        request=SimpleNamespace(worker_init_request=init),
        properties={"host": "127.0.0.1", "protos": Protos()},
    )
    response = await worker_init_request(request)
    if response.result.status != StatusResult.Success:
        return {"error": response.result.exception.message}
    from azure_functions_runtime import handle_event  # noqa: PLC0415

    indexed = handle_event._metadata_result
    ids = {each.name: each.function_id for each in indexed or ()}
    messages, metadata = batch(b'{"b": 1, "a":2}', b'{"c":3}')
    timer = Datum(json.dumps({"IsPastDue": True}), "json")
    health = http("GET", "https://host/api/admin/health", **{"x-request-id": "r-1"})
    one = {
        "UserProperties": Datum("{}", "json"),
        "MessageId": text("t-1"),
        "SequenceNumber": Datum("7", "json"),
        "DeliveryCount": Datum("1", "json"),
        "EnqueuedTimeUtc": text("2026-01-05T10:11:12Z"),
    }
    return {
        "functions": {each.name: [json.loads(raw) for raw in each.raw_bindings] for each in indexed or ()},
        "health": answer(await invoked(ids, "http", "req", health)),
        "unreadable": answer(await invoked(ids, "http", "req", http("GET", "https://host/%ff"))),
        "unknown": answer(await invoked(ids, "http", "req", http("GET", "https://host/nothing"))),
        "events": list((await invoked(ids, "events", "messages", messages, metadata))[::3]),
        "task": list((await invoked(ids, "task", "message", Datum(b"no task", "bytes"), one))[::3]),
        "timer": list((await invoked(ids, "history_drain", "timer", timer))[::3]),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1]))))
