"""What a function is told about its invocation: in shape `azure.functions.Context`."""

from collections.abc import Mapping

import msgspec

HEX_OF_A_SPAN = 16


class TraceContext(msgspec.Struct, frozen=True):
    """W3C trace context: the caller's, or one that begins here."""

    trace_parent: str
    trace_state: str = ""
    attributes: Mapping[str, str] = {}


class RetryContext(msgspec.Struct, frozen=True):
    """This host repeats deliveries, never invocations."""

    retry_count: int = 0
    max_retry_count: int = 0
    exception: None = None


class InvocationContext(msgspec.Struct, frozen=True, kw_only=True):
    function_name: str
    invocation_id: str
    trace_context: TraceContext
    function_directory: str = ""
    thread_local_storage: None = None
    """Functions here run in the event loop's thread."""
    retry_context: RetryContext = RetryContext()


def new_trace(trace_id: str) -> str:
    """A W3C `traceparent` of a trace that begins here; `trace_id`: 32 hexadecimal characters."""
    return f"00-{trace_id}-{trace_id[:HEX_OF_A_SPAN]}-01"
