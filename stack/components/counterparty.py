"""The counterparty's web app: one always-on worker, since a shard has one writer."""

from collections.abc import Mapping
from typing import Any

import pulumi_azure_native as azure
from pulumi import Input, Output, ResourceOptions

from stack.frame import Component, Frame

PYTHON = "3.13"
PORT = 8000
COMMAND = "exec python -m kopitra_counterparty"
"""`exec`: else a shell gets the signal to stop, keeps it to itself, and the shard's lease has to run out."""
STOP_SECONDS = 30
"""For parked polls, commits in flight and a snapshot; App Service would kill after 5 s by default, and waits for 120 at
most."""
HEALTH_PATH = "/trade-agent/v1/health"
LIVE_PATH = "/trade-agent/v1/health/live"
STAGING = "staging"
LOG_DAYS, LOG_MEGABYTES = 3, 35
"""So much, and for so long, of what the app writes is kept where `az webapp log tail` reads it."""


class CounterpartyApp(Component):
    """`app`, and `slot` where the plan's tier has slots. `principals`: the identities of both."""

    def __init__(
        self, frame: Frame, *, app_settings: Mapping[str, Input[str]], opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("counterparty", opts)
        self._frame = frame
        self.plan = azure.web.AppServicePlan(
            "plan",
            name=frame.names.of("plan"),
            resource_group_name=frame.group,
            location=frame.location,
            kind="linux",
            reserved=True,
            sku=azure.web.SkuDescriptionArgs(name=frame.settings.counterparty.plan, capacity=1),
            tags=frame.tags,
            opts=self.child,
        )
        self.app = azure.web.WebApp(
            "app",
            name=frame.names.of("counterparty"),
            resource_group_name=frame.group,
            location=frame.location,
            kind="app,linux",
            reserved=True,
            server_farm_id=self.plan.id,
            https_only=True,
            client_affinity_enabled=False,
            identity=_own_identity(),
            site_config=self._site({**app_settings, "KOPITRA_SLOT": "production"}),
            tags=frame.tags,
            opts=self.child,
        )
        self.slot = self._slot(app_settings) if frame.settings.counterparty.has_slots else None
        self.principals: dict[str, Output[str]] = {"counterparty": _principal(self.app)}
        if self.slot is not None:
            self.principals["counterparty-staging"] = _principal(self.slot)
        self._keep_output()
        self._refuse_passwords()
        self._bind_domain()
        self.host: Output[str] = self.app.default_host_name
        self.register_outputs({})

    def _slot(self, app_settings: Mapping[str, Input[str]]) -> azure.web.WebAppSlot:
        """A new version warms up here and is swapped in; its own setting keeps it from the shard until then."""
        frame = self._frame
        slot = azure.web.WebAppSlot(
            "slot",
            slot=STAGING,
            name=self.app.name,
            resource_group_name=frame.group,
            location=frame.location,
            kind="app,linux",
            reserved=True,
            server_farm_id=self.plan.id,
            https_only=True,
            client_affinity_enabled=False,
            identity=_own_identity(),
            site_config=self._site({**app_settings, "KOPITRA_SLOT": STAGING}),
            tags=frame.tags,
            opts=self.child,
        )
        azure.web.WebAppSlotConfigurationNames(
            "sticky",
            name=self.app.name,
            resource_group_name=frame.group,
            app_setting_names=["KOPITRA_SLOT"],
            opts=self.child,
        )
        return slot

    def _site(self, app_settings: Mapping[str, Input[str]]) -> azure.web.SiteConfigArgs:
        return azure.web.SiteConfigArgs(
            linux_fx_version=f"PYTHON|{PYTHON}",
            app_command_line=COMMAND,
            always_on=True,
            number_of_workers=1,
            health_check_path=LIVE_PATH,
            http20_enabled=True,
            min_tls_version=azure.web.SupportedTlsVersions.SUPPORTED_TLS_VERSIONS_1_2,
            scm_min_tls_version=azure.web.SupportedTlsVersions.SUPPORTED_TLS_VERSIONS_1_2,
            ftps_state=azure.web.FtpsState.DISABLED,
            app_settings=[
                azure.web.NameValuePairArgs(name=name, value=value)
                for name, value in sorted(app_settings.items(), key=lambda item: item[0])
            ],
        )

    def _keep_output(self) -> None:
        """On Linux the log of "HTTP" is what the container writes."""
        kept = azure.web.HttpLogsConfigArgs(
            file_system=azure.web.FileSystemHttpLogsConfigArgs(
                enabled=True, retention_in_days=LOG_DAYS, retention_in_mb=LOG_MEGABYTES
            )
        )
        group = self._frame.group
        azure.web.WebAppDiagnosticLogsConfiguration(
            "output", http_logs=kept, name=self.app.name, resource_group_name=group, opts=self.child
        )
        if self.slot is None:
            return
        azure.web.WebAppDiagnosticLogsConfigurationSlot(
            "slot-output",
            http_logs=kept,
            slot=STAGING,
            name=self.app.name,
            resource_group_name=group,
            opts=ResourceOptions(parent=self, depends_on=[self.slot]),
        )

    def _refuse_passwords(self) -> None:
        """Publishing is by identity: no basic authentication for FTP or the deployment site."""
        common = {"name": self.app.name, "resource_group_name": self._frame.group}
        azure.web.WebAppFtpAllowed("no-ftp-password", allow=False, **common, opts=self.child)
        azure.web.WebAppScmAllowed("no-scm-password", allow=False, **common, opts=self.child)
        if self.slot is None:
            return
        after = ResourceOptions(parent=self, depends_on=[self.slot])
        azure.web.WebAppFtpAllowedSlot(
            "no-slot-ftp-password", allow=False, slot=STAGING, **common, opts=after
        )
        azure.web.WebAppScmAllowedSlot(
            "no-slot-scm-password", allow=False, slot=STAGING, **common, opts=after
        )

    def _bind_domain(self) -> None:
        """Azure issues a certificate for a name that is bound already: bound first, then bound anew with it."""
        domain = self._frame.settings.counterparty.custom_domain
        if domain is None:
            return
        bound = azure.web.WebAppHostNameBinding(
            "domain",
            name=self.app.name,
            host_name=domain,
            host_name_type=azure.web.HostNameType.VERIFIED,
            ssl_state=azure.web.SslState.DISABLED,
            resource_group_name=self._frame.group,
            opts=ResourceOptions(parent=self, ignore_changes=["sslState", "thumbprint"]),
        )
        certificate = azure.web.Certificate(
            "certificate",
            name=self._frame.names.of("counterparty"),
            location=self._frame.location,
            canonical_name=domain,
            server_farm_id=self.plan.id,
            tags=self._frame.tags,
            resource_group_name=self._frame.group,
            opts=ResourceOptions(parent=self, depends_on=[bound]),
        )
        azure.resources.Deployment(
            "domain-certificate",
            deployment_name="domain-certificate",
            resource_group_name=self._frame.group,
            properties=azure.resources.DeploymentPropertiesArgs(
                mode=azure.resources.DeploymentMode.INCREMENTAL,
                template=Output.all(self.app.name, certificate.thumbprint).apply(
                    lambda known: _with_certificate(known[0], domain, known[1])
                ),
            ),
            tags=self._frame.tags,
            opts=self.child,
        )


def _with_certificate(app: str, domain: str, thumbprint: str) -> dict[str, Any]:
    """A template: Pulumi cannot declare the same binding twice."""
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [
            {
                "type": "Microsoft.Web/sites/hostNameBindings",
                "apiVersion": "2024-04-01",
                "name": f"{app}/{domain}",
                "properties": {"sslState": "SniEnabled", "thumbprint": thumbprint},
            }
        ],
    }


def _own_identity() -> azure.web.ManagedServiceIdentityArgs:
    return azure.web.ManagedServiceIdentityArgs(type=azure.web.ManagedServiceIdentityType.SYSTEM_ASSIGNED)


def _principal(app: azure.web.WebApp | azure.web.WebAppSlot) -> Output[str]:
    return app.identity.apply(lambda identity: identity.principal_id if identity is not None else "")
