"""Which route answers which endpoint."""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import msgspec

from kopitra.application.inbox import Inbox
from kopitra.application.warming import Warming
from kopitra.protocol.endpoints import EA_ENDPOINTS, SERVICE_ENDPOINTS, Endpoint
from kopitra.protocol.openapi import openapi
from kopitra_counterparty.credentials import FINGERPRINT_KEY_BYTES, Secrets
from kopitra_counterparty.exchange import Call, Reply
from kopitra_counterparty.failures import Failures
from kopitra_counterparty.gate import Route
from kopitra_counterparty.ports import Probe
from kopitra_counterparty.routes.enrolments import Enrolments
from kopitra_counterparty.routes.executions import Executions
from kopitra_counterparty.routes.health import Details, Health
from kopitra_counterparty.routes.inbox import InboxRoute
from kopitra_counterparty.routes.outbox import Outbox
from kopitra_counterparty.routes.runs import Runs
from kopitra_counterparty.routes.sessions import Sessions
from kopitra_counterparty.routes.signals import Signals

if TYPE_CHECKING:
    from kopitra_counterparty.service import Service

ENDPOINTS = {endpoint.scope: endpoint for endpoint in (*EA_ENDPOINTS, *SERVICE_ENDPOINTS)}


def ea_routes(service: "Service") -> tuple[Route, ...]:
    """Everything an EA calls."""
    core, ports, settings = service.core, service.ports, service.settings
    secrets = Secrets(
        core.engine, ports.hashes, Failures(ports.clock), ports.ids.token_bytes(FINGERPRINT_KEY_BYTES)
    )
    enrolments = Enrolments(desk=service.desk, engine=core.engine, hashes=ports.hashes, keys=service.keys)
    sessions = Sessions(
        desk=service.desk,
        engine=core.engine,
        secrets=secrets,
        keys=service.keys,
        clock=ports.clock,
        ids=ports.ids,
        lease_seconds=settings.lease_ttl_seconds,
    )
    outbox = Outbox(delivery=core.delivery, engine=core.engine, clock=ports.clock)
    inbox = InboxRoute(
        desk=service.desk, engine=core.engine, inbox=Inbox(), clock=ports.clock, counts=core.counts
    )
    signals = Signals(desk=service.desk, warming=Warming(core.engine, ports.clock, ports.sleeper))
    executions = Executions(desk=service.desk)
    runs = Runs(
        engine=core.engine, journal=ports.journal, machine=core.machine, index=core.runs, clock=ports.clock
    )
    return (
        Route(
            endpoint=ENDPOINTS["POST /enrolments"],
            read=enrolments.read,
            owner=enrolments.owner,
            handle=enrolments.enrol,
            unseal=enrolments.unseal,
        ),
        Route(
            endpoint=ENDPOINTS["POST /sessions"],
            read=sessions.read,
            owner=sessions.owner,
            handle=sessions.open,
            unseal=sessions.unseal,
        ),
        Route(
            endpoint=ENDPOINTS["DELETE /sessions/current"], handle=sessions.release, replays_after_end=True
        ),
        Route(
            endpoint=ENDPOINTS["POST /sessions/current/release"],
            handle=sessions.release,
            replays_after_end=True,
        ),
        Route(endpoint=ENDPOINTS["GET /sessions/current/outbox"], handle=outbox.poll, hot=True),
        Route(
            endpoint=ENDPOINTS["POST /sessions/current/inbox"],
            read=inbox.read,
            exempt=inbox.exempt,
            handle=inbox.take,
            hot=True,
        ),
        Route(
            endpoint=ENDPOINTS["POST /signals"],
            read=signals.read,
            exempt=signals.exempt,
            handle=signals.take,
            hot=True,
        ),
        Route(endpoint=ENDPOINTS["POST /executions"], read=executions.read, handle=executions.take, hot=True),
        Route(endpoint=ENDPOINTS["GET /runs/{runId}"], handle=runs.tell),
    )


def service_routes(
    service: "Service", endpoints: Sequence[Endpoint], probes: dict[str, Probe], details: Details
) -> tuple[Route, ...]:
    """Health, and the document of these endpoints."""
    health = Health(
        engine=service.core.engine,
        clock=service.ports.clock,
        probes=probes,
        build=service.settings.build,
        epoch=lambda: service.core.tenure.epoch,
        details=details,
    )

    @cache
    def document() -> bytes:
        return msgspec.json.encode(openapi(endpoints))

    async def show(call: Call, message: object) -> Reply:
        return Reply(200, document())

    return (
        Route(endpoint=ENDPOINTS["GET /health"], handle=health.ready),
        Route(endpoint=ENDPOINTS["GET /health/live"], handle=health.live),
        Route(endpoint=ENDPOINTS["GET /openapi.json"], handle=show),
    )
