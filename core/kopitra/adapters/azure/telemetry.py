"""Exporters to Application Insights. Imported only where the settings name one: it takes a second."""

from typing import Any

from azure.core.credentials import TokenCredential
from azure.identity import ManagedIdentityCredential
from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter, AzureMonitorTraceExporter
from opentelemetry.sdk.metrics.export import MetricExporter
from opentelemetry.sdk.trace.export import SpanExporter

from kopitra.adapters.azure.credentials import own_identity
from kopitra.adapters.telemetry import DestinationUnusable

AUTHORIZATION = "authorization"
CLIENT_ID = "clientid"
BY_IDENTITY = "aad"


def azure_exporters(
    connection_string: str, authentication: str | None
) -> tuple[MetricExporter, SpanExporter]:
    """Reach nothing yet. What cannot be sent is dropped, not kept on the disk: it is told again in a minute. Raises
    DestinationUnusable."""
    options: dict[str, Any] = {
        "connection_string": connection_string,
        "disable_offline_storage": True,
        "credential": _credential(authentication),
    }
    try:
        return AzureMonitorMetricExporter(**options), AzureMonitorTraceExporter(**options)
    except ValueError as error:
        raise DestinationUnusable("it is no connection string of Application Insights") from error


def _credential(authentication: str | None) -> TokenCredential | None:
    """None: the connection string alone is enough. Raises DestinationUnusable."""
    if not authentication:
        return None
    parts = (part.partition("=") for part in authentication.split(";") if part)
    given = {name.strip().lower(): value.strip() for name, _, value in parts}
    if given.get(AUTHORIZATION, "").lower() != BY_IDENTITY:
        raise DestinationUnusable("its authentication is not Authorization=AAD")
    client = given.get(CLIENT_ID)
    return ManagedIdentityCredential(client_id=client) if client else own_identity()
