"""App Configuration with the feature flags that the apps read."""

import json

import pulumi_azure_native as azure
from pulumi import Output, ResourceOptions

from stack.frame import Component, Frame

FLAG_PREFIX = ".appconfig.featureflag"
FLAG_CONTENT_TYPE = "application/vnd.microsoft.appconfig.ff+json;charset=utf-8"


class Configuration(Component):
    """`store`; `endpoint`: its address for clients."""

    def __init__(self, frame: Frame, opts: ResourceOptions | None = None) -> None:
        super().__init__("configuration", opts)
        settings = frame.settings.configuration
        self.store = azure.appconfiguration.ConfigurationStore(
            "store",
            config_store_name=frame.names.of("configuration"),
            resource_group_name=frame.group,
            location=frame.location,
            sku=azure.appconfiguration.SkuArgs(name=settings.tier),
            disable_local_auth=True,
            data_plane_proxy=azure.appconfiguration.DataPlaneProxyPropertiesArgs(
                authentication_mode=azure.appconfiguration.AuthenticationMode.PASS_THROUGH
            ),
            tags=frame.tags,
            opts=self.child,
        )
        for flag, enabled in sorted(settings.feature_flags.items()):
            azure.appconfiguration.KeyValue(
                f"flag-{flag}",
                # A slash in a key's name is written ~2F here; the service shows it as it is meant.
                key_value_name=f"{FLAG_PREFIX}~2F{flag}",
                config_store_name=self.store.name,
                resource_group_name=frame.group,
                content_type=FLAG_CONTENT_TYPE,
                value=json.dumps(
                    {"id": flag, "description": "", "enabled": enabled, "conditions": {"client_filters": []}}
                ),
                tags=frame.tags,
                opts=self.child,
            )
        self.endpoint: Output[str] = self.store.endpoint
        self.register_outputs({})
