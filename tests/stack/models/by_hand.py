"""Models of what no package has, in the packages' own manner; sources are in `bodies.BY_HAND`."""

from typing import Any, ClassVar

Map = dict[str, dict[str, str]]
Rules = dict[str, dict[str, Any]]


class RetentionPolicy:
    _attribute_map: ClassVar[Map] = {
        "days": {"key": "days", "type": "int"},
        "enabled": {"key": "enabled", "type": "bool"},
    }
    _validation: ClassVar[Rules] = {"days": {"required": True, "minimum": 0}, "enabled": {"required": True}}

    def __init__(self, *, days: int, enabled: bool) -> None: ...


class LogSettings:
    _attribute_map: ClassVar[Map] = {
        "category": {"key": "category", "type": "str"},
        "category_group": {"key": "categoryGroup", "type": "str"},
        "enabled": {"key": "enabled", "type": "bool"},
        "retention_policy": {"key": "retentionPolicy", "type": "RetentionPolicy"},
    }
    _validation: ClassVar[Rules] = {"enabled": {"required": True}}

    def __init__(
        self,
        *,
        enabled: bool,
        category: str | None = None,
        category_group: str | None = None,
        retention_policy: RetentionPolicy | None = None,
    ) -> None: ...


class MetricSettings:
    _attribute_map: ClassVar[Map] = {
        "time_grain": {"key": "timeGrain", "type": "duration"},
        "category": {"key": "category", "type": "str"},
        "enabled": {"key": "enabled", "type": "bool"},
        "retention_policy": {"key": "retentionPolicy", "type": "RetentionPolicy"},
    }
    _validation: ClassVar[Rules] = {"enabled": {"required": True}}

    def __init__(
        self,
        *,
        enabled: bool,
        time_grain: str | None = None,
        category: str | None = None,
        retention_policy: RetentionPolicy | None = None,
    ) -> None: ...


class DiagnosticSettings:
    _attribute_map: ClassVar[Map] = {
        "id": {"key": "id", "type": "str"},
        "storage_account_id": {"key": "properties.storageAccountId", "type": "str"},
        "service_bus_rule_id": {"key": "properties.serviceBusRuleId", "type": "str"},
        "event_hub_authorization_rule_id": {"key": "properties.eventHubAuthorizationRuleId", "type": "str"},
        "event_hub_name": {"key": "properties.eventHubName", "type": "str"},
        "metrics": {"key": "properties.metrics", "type": "[MetricSettings]"},
        "logs": {"key": "properties.logs", "type": "[LogSettings]"},
        "workspace_id": {"key": "properties.workspaceId", "type": "str"},
        "marketplace_partner_id": {"key": "properties.marketplacePartnerId", "type": "str"},
        "log_analytics_destination_type": {"key": "properties.logAnalyticsDestinationType", "type": "str"},
    }
    _validation: ClassVar[Rules] = {"id": {"readonly": True}}

    def __init__(
        self,
        *,
        storage_account_id: str | None = None,
        service_bus_rule_id: str | None = None,
        event_hub_authorization_rule_id: str | None = None,
        event_hub_name: str | None = None,
        metrics: list[MetricSettings] | None = None,
        logs: list[LogSettings] | None = None,
        workspace_id: str | None = None,
        marketplace_partner_id: str | None = None,
        log_analytics_destination_type: str | None = None,
    ) -> None: ...
