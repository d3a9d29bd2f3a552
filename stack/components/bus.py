"""Service Bus: the queues between counterparty and management side. Identities only, no connection strings."""

import pulumi_azure_native as azure
from pulumi import Output, ResourceOptions

from stack.frame import Component, Frame

QUEUES = ("trade-agent-events", "trade-agent-commands", "trade-agent-history", "management-tasks")
LOCK = "PT1M"
MOST_DELIVERIES = 3
"""The protocol's: what was delivered so often goes to the dead letter."""
DUPLICATE_WINDOW = "PT10M"
PER_ACCOUNT = frozenset({"trade-agent-events", "trade-agent-history"})
"""Their messages carry the account as session id."""


class Bus(Component):
    """`namespace`; `host`: its name for clients; `queues` by name."""

    def __init__(self, frame: Frame, opts: ResourceOptions | None = None) -> None:
        super().__init__("bus", opts)
        settings = frame.settings.bus
        self.namespace = azure.servicebus.Namespace(
            "namespace",
            namespace_name=frame.names.of("bus"),
            resource_group_name=frame.group,
            location=frame.location,
            sku=azure.servicebus.SBSkuArgs(
                name=azure.servicebus.SkuName(settings.tier), tier=azure.servicebus.SkuTier(settings.tier)
            ),
            disable_local_auth=True,
            minimum_tls_version="1.2",
            tags=frame.tags,
            opts=frame.stateful(self),
        )
        self.queues = {name: self._queue(frame, name) for name in QUEUES}
        self.host: Output[str] = self.namespace.name.apply(lambda name: f"{name}.servicebus.windows.net")
        self.register_outputs({})

    def _queue(self, frame: Frame, name: str) -> azure.servicebus.Queue:
        settings = frame.settings.bus
        return azure.servicebus.Queue(
            name,
            queue_name=name,
            namespace_name=self.namespace.name,
            resource_group_name=frame.group,
            max_delivery_count=MOST_DELIVERIES,
            lock_duration=LOCK,
            default_message_time_to_live=f"P{settings.time_to_live_days}D",
            dead_lettering_on_message_expiration=True,
            requires_session=settings.sessions and name in PER_ACCOUNT,
            requires_duplicate_detection=settings.duplicate_detection,
            duplicate_detection_history_time_window=DUPLICATE_WINDOW
            if settings.duplicate_detection
            else None,
            opts=frame.stateful(self),
        )
