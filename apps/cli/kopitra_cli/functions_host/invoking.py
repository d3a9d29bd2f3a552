"""One invocation: its context, its call, and one log line about it."""

from collections.abc import Mapping
from typing import Any

import structlog

from kopitra.application.ports.identity import IdSource
from kopitra.application.ports.timing import Clock
from kopitra_cli.functions_host.contexts import InvocationContext, TraceContext, new_trace
from kopitra_cli.functions_host.indexing import Callee

MILLISECONDS = 1000

log = structlog.get_logger("kopitra.functions")


class Invoker:
    def __init__(self, clock: Clock, ids: IdSource) -> None:
        self._clock = clock
        self._ids = ids

    async def invoke(
        self,
        callee: Callee,
        argument: object,
        told: Mapping[str, object],
        *,
        trace_parent: str = "",
    ) -> Any:
        """What the function returns or raises; `told` is added to the log line."""
        context = InvocationContext(
            function_name=callee.name,
            invocation_id=self._ids.new(),
            trace_context=TraceContext(trace_parent or new_trace(self._ids.new())),
        )
        given: dict[str, object] = {callee.argument: argument}
        if callee.takes_context:
            given["context"] = context
        begun = self._clock.monotonic()
        line = log.bind(function=callee.name, invocation=context.invocation_id, **told)
        try:
            result = await callee.function(**given)
        except Exception:
            line.exception("failed", milliseconds=self._since(begun))
            raise
        except BaseException:
            line.warning("broken_off", milliseconds=self._since(begun))
            raise
        line.info("invoked", milliseconds=self._since(begun), **_outcome(result))
        return result

    def _since(self, begun: float) -> float:
        return round((self._clock.monotonic() - begun) * MILLISECONDS, 1)


def _outcome(result: Any) -> dict[str, object]:
    """Of an HTTP answer: its status, and the id under which the application logged the request."""
    status = getattr(result, "status_code", None)
    if status is None:
        return {}
    request_id = result.headers.get("x-request-id")
    return {"status": status} | ({"request_id": request_id} if request_id else {})
