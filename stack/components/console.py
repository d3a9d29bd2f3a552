"""The console's place: a Static Web App. What publishes its content asks for the token itself."""

import pulumi_azure_native as azure
from pulumi import Output, ResourceOptions

from stack.frame import Component, Frame


class Console(Component):
    """`site`; `host`: its name for browsers."""

    def __init__(self, frame: Frame, opts: ResourceOptions | None = None) -> None:
        super().__init__("console", opts)
        settings = frame.settings.console
        self.site = azure.web.StaticSite(
            "site",
            name=frame.names.of("console"),
            resource_group_name=frame.group,
            location=settings.location,
            sku=azure.web.SkuDescriptionArgs(name=settings.tier, tier=settings.tier),
            tags=frame.tags,
            opts=self.child,
        )
        if settings.custom_domain is not None:
            azure.web.StaticSiteCustomDomain(
                "console-domain",
                name=self.site.name,
                domain_name=settings.custom_domain,
                resource_group_name=frame.group,
                opts=self.child,
            )
        self.host: Output[str] = self.site.default_hostname
        self.register_outputs({})
