"""The steps as resources of the program: when their inputs change, the provider beside takes them."""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import Input, Output, ResourceOptions

from stack.app_settings import Builds
from stack.components.console import Console
from stack.components.counterparty import CounterpartyApp
from stack.components.database import Database
from stack.components.functions import FunctionsApp
from stack.components.vault import Vault
from stack.deployment.console import CONTENT, content_of
from stack.deployment.database import migrations_of
from stack.deployment.sql_text import ROLES
from stack.deployment.world import PACKAGE
from stack.frame import Component, Frame
from stack.packages.building import ROOT


class Delivery(Component):
    """The code and the database's contents. `after`: what an app needs before it can run."""

    def __init__(
        self,
        frame: Frame,
        *,
        counterparty: CounterpartyApp,
        functions: FunctionsApp,
        database: Database,
        vault: Vault,
        console: Console | None,
        builds: Builds,
        after: list[pulumi.Resource],
    ) -> None:
        super().__init__("delivery")
        self._after = after
        slot = counterparty.slot
        self.counterparty = self._step(
            "Counterparty",
            "counterparty-code",
            {
                "appId": counterparty.app.id,
                "host": counterparty.app.default_host_name,
                "build": builds.counterparty,
                "warmUpSeconds": frame.settings.counterparty.warm_up_seconds,
                # With other keys it starts anew, and its health is waited for.
                "tokenKeys": vault.token_keys,
                **({} if slot is None else {"slotId": slot.id, "slotHost": slot.default_host_name}),
            },
        )
        # The tables first: the new version finds them as it wants them, and may not change them itself.
        contents = self._step(
            "DatabaseContents",
            "database-contents",
            {
                "serverId": database.server.id,
                "server": database.host,
                "database": database.database.name,
                "migrations": migrations_of(ROOT),
                "users": _users(functions),
                "principals": functions.principals,
                "roles": list(ROLES),
            },
        )
        self.functions = self._step(
            "Functions",
            "functions-code",
            {"appId": functions.app.id, "host": functions.app.default_host_name, "build": builds.functions},
            contents,
        )
        content = content_of(ROOT)
        if console is not None and content is not None:
            self._step("ConsoleContent", "console-content", {"siteId": console.site.id, "content": content})
        elif console is not None:
            pulumi.log.warn(
                f"The console is not published: {CONTENT} holds nothing. Build it, then `pulumi up`"
            )
        self.register_outputs({})

    def _step(
        self, kind: str, name: str, inputs: Mapping[str, Input[Any]], *after: pulumi.Resource
    ) -> pulumi.CustomResource:
        opts = ResourceOptions(parent=self, depends_on=[*self._after, *after])
        return pulumi.CustomResource(f"{PACKAGE}:deployment:{kind}", name, dict(inputs), opts)


def _users(functions: FunctionsApp) -> Output[dict[str, str]]:
    """Database user → the app whose identity it is."""
    return Output.all(functions.app.name, functions.app.id).apply(lambda known: {known[0]: known[1]})
