"""Azure SQL, serverless: it pauses while nobody asks. Entra identities only; there is no SQL password anywhere."""

import pulumi_azure_native as azure
from pulumi import Output, ResourceOptions

from stack.frame import Component, Frame

GIBIBYTE = 1024**3
FAMILY = "Gen5"


class Database(Component):
    """`server`, `database`; `host`: the server's name for clients."""

    def __init__(self, frame: Frame, opts: ResourceOptions | None = None) -> None:
        super().__init__("database", opts)
        settings = frame.settings.sql
        self.server = azure.sql.Server(
            "server",
            server_name=frame.names.of("sql"),
            resource_group_name=frame.group,
            location=frame.location,
            version="12.0",
            minimal_tls_version="1.2",
            public_network_access="Enabled",
            administrators=azure.sql.ServerExternalAdministratorArgs(
                administrator_type="ActiveDirectory",
                azure_ad_only_authentication=True,
                login=settings.admin_login,
                principal_type="Group",
                sid=settings.admin_object_id,
                tenant_id=frame.directory_id,
            ),
            tags=frame.tags,
            opts=frame.stateful(self),
        )
        self.database = azure.sql.Database(
            "database",
            database_name=frame.names.of("database"),
            server_name=self.server.name,
            resource_group_name=frame.group,
            location=frame.location,
            sku=azure.sql.SkuArgs(
                name=f"GP_S_{FAMILY}", tier="GeneralPurpose", family=FAMILY, capacity=settings.most_vcores
            ),
            min_capacity=float(settings.least_vcores),
            auto_pause_delay=settings.auto_pause_minutes,
            max_size_bytes=settings.largest_gb * GIBIBYTE,
            requested_backup_storage_redundancy="Local",
            use_free_limit=settings.free_offer,
            free_limit_exhaustion_behavior="AutoPause" if settings.free_offer else None,
            zone_redundant=False,
            tags=frame.tags,
            opts=frame.stateful(self),
        )
        self._let_in(frame)
        self.host: Output[str] = self.server.fully_qualified_domain_name
        self.register_outputs({})

    def _let_in(self, frame: Frame) -> None:
        """Azure's own services (the apps have no fixed addresses on these tiers), and developers."""
        rules = {"azure-services": "0.0.0.0"}
        rules |= {each.name: str(each.address) for each in frame.settings.sql.developer_addresses}
        for name, address in rules.items():
            azure.sql.FirewallRule(
                f"firewall-{name}",
                firewall_rule_name=name,
                server_name=self.server.name,
                resource_group_name=frame.group,
                start_ip_address=address,
                end_ip_address=address,
                opts=self.child,
            )
