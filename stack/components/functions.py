"""The management side's Functions on Flex Consumption: they cost nothing while nobody calls."""

from collections.abc import Mapping

import pulumi_azure_native as azure
from pulumi import Input, Output, ResourceOptions

from stack.components.counterparty import PYTHON
from stack.components.storage import PACKAGES_CONTAINER, Storage
from stack.frame import Component, Frame

HEALTH_PATH = "/api/admin/health"


class FunctionsApp(Component):
    """`app`; `principals`: its identity. The storage account serves the host too, by that identity."""

    def __init__(
        self,
        frame: Frame,
        *,
        storage: Storage,
        app_settings: Mapping[str, Input[str]],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("functions", opts)
        self.plan = azure.web.AppServicePlan(
            "functions-plan",
            name=frame.names.of("functions-plan"),
            resource_group_name=frame.group,
            location=frame.location,
            kind="functionapp",
            reserved=True,
            sku=azure.web.SkuDescriptionArgs(name="FC1", tier="FlexConsumption"),
            tags=frame.tags,
            opts=self.child,
        )
        packages = storage.blobs.apply(lambda blobs: f"{blobs}{PACKAGES_CONTAINER}")
        self.app = azure.web.WebApp(
            "functions-app",
            name=frame.names.of("functions"),
            resource_group_name=frame.group,
            location=frame.location,
            kind="functionapp,linux",
            reserved=True,
            server_farm_id=self.plan.id,
            https_only=True,
            identity=azure.web.ManagedServiceIdentityArgs(
                type=azure.web.ManagedServiceIdentityType.SYSTEM_ASSIGNED
            ),
            function_app_config=azure.web.FunctionAppConfigArgs(
                deployment=azure.web.FunctionsDeploymentArgs(
                    storage=azure.web.FunctionsDeploymentStorageArgs(
                        type="blobContainer",
                        value=packages,
                        authentication=azure.web.FunctionsDeploymentStorageAuthenticationArgs(
                            type="SystemAssignedIdentity"
                        ),
                    )
                ),
                runtime=azure.web.FunctionsRuntimeArgs(name="python", version=PYTHON),
                scale_and_concurrency=azure.web.FunctionsScaleAndConcurrencyArgs(
                    instance_memory_mb=frame.settings.functions.instance_memory_mb,
                    maximum_instance_count=frame.settings.functions.most_instances,
                ),
            ),
            site_config=azure.web.SiteConfigArgs(
                min_tls_version=azure.web.SupportedTlsVersions.SUPPORTED_TLS_VERSIONS_1_2,
                ftps_state=azure.web.FtpsState.DISABLED,
                app_settings=[
                    azure.web.NameValuePairArgs(name=name, value=value)
                    for name, value in sorted(app_settings.items(), key=lambda item: item[0])
                ],
            ),
            tags=frame.tags,
            opts=self.child,
        )
        common = {"name": self.app.name, "resource_group_name": frame.group}
        azure.web.WebAppFtpAllowed("no-functions-ftp-password", allow=False, **common, opts=self.child)
        azure.web.WebAppScmAllowed("no-functions-scm-password", allow=False, **common, opts=self.child)
        self.principals: dict[str, Output[str]] = {
            "functions": self.app.identity.apply(
                lambda identity: identity.principal_id if identity is not None else ""
            )
        }
        self.host: Output[str] = self.app.default_host_name
        self.register_outputs({})
