"""Which route of the management plane answers which endpoint."""

from typing import TYPE_CHECKING

from kopitra.application.guard_desk import GuardDesk
from kopitra.application.management import ManagementPlane
from kopitra.application.settings_plane import SettingsPlane
from kopitra.protocol import management_endpoints as endpoints
from kopitra_counterparty.gate import Route
from kopitra_counterparty.routes.guards import GuardRoutes
from kopitra_counterparty.routes.management import Management
from kopitra_counterparty.routes.management_settings import Settings
from kopitra_counterparty.routes.runs import Runs

if TYPE_CHECKING:
    from kopitra_counterparty.service import Service


def management_routes(service: "Service") -> tuple[Route, ...]:
    """Everything that only operators call."""
    core, ports = service.core, service.ports
    plane = ManagementPlane(
        engine=core.engine,
        journal=ports.journal,
        clock=ports.clock,
        decode=core.machine.decode_event,
        features=ports.features,
    )
    runs = Runs(
        engine=core.engine, journal=ports.journal, machine=core.machine, index=core.runs, clock=ports.clock
    )
    settings = Settings(plane=SettingsPlane(engine=core.engine, recent=core.recent, sleeper=ports.sleeper))
    routes = Management(plane=plane, engine=core.engine, idempotency=service.idempotency, runs=runs)
    guards = GuardRoutes(GuardDesk(engine=core.engine, clock=ports.clock))
    return (
        Route(endpoint=endpoints.SESSIONS, handle=routes.sessions),
        Route(
            endpoint=endpoints.SESSION_ORDERS,
            read=routes.read_order,
            owner=routes.owner,
            handle=routes.order,
        ),
        Route(endpoint=endpoints.SESSION_OUTBOX, handle=routes.outbox),
        Route(endpoint=endpoints.SESSION_LOGS, handle=routes.logs),
        Route(endpoint=endpoints.SESSION_RELEASE, owner=routes.owner, handle=routes.release),
        Route(endpoint=endpoints.SESSION_APPROVE, owner=routes.owner, handle=routes.approve),
        Route(endpoint=endpoints.SESSION_REJECT, owner=routes.owner, handle=routes.reject),
        Route(endpoint=endpoints.KILL_SWITCH, read=routes.read_switch, handle=routes.kill_switch),
        Route(endpoint=endpoints.GUARDS, handle=guards.standing),
        Route(endpoint=endpoints.GUARD_RESET, read=guards.read_reset, handle=guards.reset),
        Route(endpoint=endpoints.RECONCILIATION, handle=routes.reconciliation),
        Route(
            endpoint=endpoints.PROPOSAL_APPROVE, owner=routes.proposal_owner, handle=routes.approve_proposal
        ),
        Route(endpoint=endpoints.PROPOSAL_REJECT, owner=routes.proposal_owner, handle=routes.reject_proposal),
        Route(
            endpoint=endpoints.PROPOSALS_DECIDE,
            read=routes.read_decisions,
            owner=routes.proposals_owner,
            handle=routes.decide_proposals,
        ),
        Route(endpoint=endpoints.CHANGES, handle=routes.changes),
        Route(endpoint=endpoints.RUN, handle=routes.run),
        Route(endpoint=endpoints.EFFECTIVE_SETTINGS, handle=settings.effective),
        Route(endpoint=endpoints.PREVIEW_RULES, read=settings.read_rules, handle=settings.preview_rules),
        Route(endpoint=endpoints.PREVIEW_SETTINGS, read=settings.read_layer, handle=settings.preview_layer),
    )
