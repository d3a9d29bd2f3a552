"""Tables and blobs: the journal, its sealed segments, what both apps keep, and the Functions' package."""

import pulumi_azure_native as azure
from pulumi import Output, ResourceOptions

from stack.frame import Component, Frame

JOURNAL_TABLE = "journal"
COUNTERPARTY_CONTAINER = "counterparty"
"""What both apps keep: snapshots, payloads, reports. Much of it is written anew, or deleted after its time."""
MANAGEMENT_CONTAINER = "management"
"""For what is only to be kept: nothing in it is read by an app."""
AUDIT_CONTAINER = "audit"
"""The journal's sealed segments and nothing else: where the policy holds, what is in it stays as it is."""
PACKAGES_CONTAINER = "packages"
CONTAINERS = (COUNTERPARTY_CONTAINER, MANAGEMENT_CONTAINER, AUDIT_CONTAINER, PACKAGES_CONTAINER)
COOLING = (f"{COUNTERPARTY_CONTAINER}/", f"{MANAGEMENT_CONTAINER}/", f"{AUDIT_CONTAINER}/")
"""What moves to a cheaper tier that is read at once; packages are small and few."""
ARCHIVED = (f"{MANAGEMENT_CONTAINER}/",)
"""What nobody reads back. An archived blob answers nothing for hours, and apps read what is old: a rebuild segments and
payloads, notifications their channels."""


class Storage(Component):
    """`account`, `tables` (endpoint), `blobs` (endpoint), `containers` by name."""

    def __init__(self, frame: Frame, opts: ResourceOptions | None = None) -> None:
        super().__init__("storage", opts)
        self._frame = frame
        self.account = azure.storage.StorageAccount(
            "account",
            account_name=frame.names.of("data"),
            resource_group_name=frame.group,
            location=frame.location,
            kind="StorageV2",
            sku=azure.storage.SkuArgs(name=frame.settings.storage.redundancy),
            access_tier=azure.storage.AccessTier.HOT,
            allow_blob_public_access=False,
            allow_shared_key_access=False,
            allow_cross_tenant_replication=False,
            default_to_o_auth_authentication=True,
            enable_https_traffic_only=True,
            minimum_tls_version="TLS1_2",
            tags=frame.tags,
            opts=frame.stateful(self),
        )
        self.containers = {name: self._container(name) for name in CONTAINERS}
        self.table = azure.storage.Table(
            "journal",
            table_name=JOURNAL_TABLE,
            account_name=self.account.name,
            resource_group_name=frame.group,
            opts=frame.stateful(self),
        )
        self._keep_deleted()
        self._age()
        if frame.settings.storage.audit_immutable_days:
            self._make_immutable()
        self.tables: Output[str] = self.account.primary_endpoints.apply(lambda ends: ends.table or "")
        self.blobs: Output[str] = self.account.primary_endpoints.apply(lambda ends: ends.blob or "")
        self.register_outputs({})

    def _container(self, name: str) -> azure.storage.BlobContainer:
        return azure.storage.BlobContainer(
            name,
            container_name=name,
            account_name=self.account.name,
            resource_group_name=self._frame.group,
            public_access=azure.storage.PublicAccess.NONE,
            opts=self._frame.stateful(self),
        )

    def _keep_deleted(self) -> None:
        days = self._frame.settings.storage.soft_delete_days
        kept = azure.storage.DeleteRetentionPolicyArgs(enabled=True, days=days)
        azure.storage.BlobServiceProperties(
            "blobs",
            blob_services_name="default",
            account_name=self.account.name,
            resource_group_name=self._frame.group,
            delete_retention_policy=kept,
            container_delete_retention_policy=kept,
            is_versioning_enabled=False,
            opts=self.child,
        )

    def _age(self) -> None:
        settings = self._frame.settings.storage

        def after(days: int) -> azure.storage.DateAfterModificationArgs:
            return azure.storage.DateAfterModificationArgs(days_after_modification_greater_than=days)

        older = azure.storage.ManagementPolicyBaseBlobArgs
        rules = [
            _rule("age", COOLING, older(tier_to_cool=after(settings.cool_after_days))),
            _rule("archive", ARCHIVED, older(tier_to_archive=after(settings.archive_after_days))),
        ]
        azure.storage.ManagementPolicy(
            "ageing",
            management_policy_name="default",
            account_name=self.account.name,
            resource_group_name=self._frame.group,
            policy=azure.storage.ManagementPolicySchemaArgs(rules=rules),
            opts=self.child,
        )

    def _make_immutable(self) -> None:
        azure.storage.BlobContainerImmutabilityPolicy(
            "audit-immutability",
            immutability_policy_name="default",
            account_name=self.account.name,
            container_name=self.containers[AUDIT_CONTAINER].name,
            resource_group_name=self._frame.group,
            immutability_period_since_creation_in_days=self._frame.settings.storage.audit_immutable_days,
            allow_protected_append_writes=False,
            opts=self.child,
        )


def _rule(
    name: str, prefixes: tuple[str, ...], older: azure.storage.ManagementPolicyBaseBlobArgs
) -> azure.storage.ManagementPolicyRuleArgs:
    return azure.storage.ManagementPolicyRuleArgs(
        name=name,
        enabled=True,
        type="Lifecycle",
        definition=azure.storage.ManagementPolicyDefinitionArgs(
            filters=azure.storage.ManagementPolicyFilterArgs(
                blob_types=["blockBlob"], prefix_match=list(prefixes)
            ),
            actions=azure.storage.ManagementPolicyActionArgs(base_blob=older),
        ),
    )
