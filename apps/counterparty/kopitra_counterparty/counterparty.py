"""The whole counterparty: the service, its operators, the sealing of its journal, the relay to and the consumer from
the management side."""

from kopitra.adapters.operator_tokens import OperatorTokens
from kopitra.application.feature_gate import FeatureGate
from kopitra.application.operations import OperationsConsumer
from kopitra.application.relay import Relay
from kopitra.application.sealing import Sealing
from kopitra.domain.identifiers import AccountId, TenantId
from kopitra_counterparty.operator_gate import OperatorGate
from kopitra_counterparty.ports import Ports, Queues
from kopitra_counterparty.routes.health import nobody
from kopitra_counterparty.routes.management_table import management_routes
from kopitra_counterparty.service import Service
from kopitra_counterparty.settings import Settings


def counterparty(settings: Settings, ports: Ports, operators: OperatorTokens | None) -> Service:
    """Without `operators` the management plane admits nobody."""
    gate = OperatorGate(operators) if operators is not None else None
    details = gate.recognises if gate is not None else nobody
    service = Service(settings, ports, operators=gate, more_routes=management_routes, details=details)
    if ports.segments is not None:
        sealing = Sealing(
            segments=ports.segments, engine=service.core.engine, clock=ports.clock, sleeper=ports.sleeper
        )
        service.also(sealing.run)
    if ports.queues is not None:
        _connect(service, ports.queues)
    return service


def _connect(service: Service, queues: Queues) -> None:
    """Publish what is committed, and take operators' commands, whenever the shard is served."""
    engine, ports = service.core.engine, service.ports

    def tenants() -> dict[AccountId, TenantId]:
        return {account.account: account.tenant for account in engine.state.accounts.values()}

    relay = Relay(
        journal=ports.journal,
        queue=queues.events,
        blobs=ports.blobs,
        sleeper=ports.sleeper,
        decode=service.core.machine.decode_event,
        tenants=tenants,
    )
    engine.on_committed.append(lambda last, grown: relay.wake())
    gate = FeatureGate(engine, ports.features)
    consumer = OperationsConsumer(queue=queues.commands, engine=gate, sleeper=ports.sleeper)
    service.also(relay.run)
    service.also(consumer.run)
