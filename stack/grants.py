"""Which app may do what with which resource. Every grant says why by the part of the app that needs it."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pulumi import Output

from stack.components.access import Grant
from stack.components.storage import AUDIT_CONTAINER, COUNTERPARTY_CONTAINER

if TYPE_CHECKING:
    from stack.program import Stack


def grants_of(stack: "Stack", principals: Mapping[str, Output[str]]) -> Iterator[Grant]:
    for who in principals:
        if who.startswith("counterparty"):
            yield from _counterparty(stack, who)
        else:
            yield from _functions(stack, who)


def _counterparty(stack: "Stack", who: str) -> Iterator[Grant]:
    """Journal, snapshots and segments; it tells events and takes commands; its token keys."""
    yield Grant(who, "Storage Table Data Contributor", "journal", stack.storage.account.id)
    for name in (COUNTERPARTY_CONTAINER, AUDIT_CONTAINER):
        yield Grant(who, "Storage Blob Data Contributor", name, stack.storage.containers[name].id)
    yield Grant(who, "Azure Service Bus Data Sender", "events", stack.bus.queues["trade-agent-events"].id)
    commands = stack.bus.queues["trade-agent-commands"].id
    yield Grant(who, "Azure Service Bus Data Receiver", "commands", commands)
    # A dead-lettered command is put back by the counterparty's own tools.
    yield Grant(who, "Azure Service Bus Data Sender", "commands", commands)
    yield Grant(who, "Key Vault Secrets User", "token-keys", stack.vault.secret.id)
    yield Grant(who, "App Configuration Data Reader", "flags", stack.configuration.store.id)
    yield Grant(who, "Monitoring Metrics Publisher", "telemetry", stack.telemetry.insights.id)


def _functions(stack: "Stack", who: str) -> Iterator[Grant]:
    """The host's own state and package, for which Azure asks for the whole account; all queues, both ways; the
    wrapping key."""
    yield Grant(who, "Storage Blob Data Owner", "host", stack.storage.account.id)
    yield Grant(who, "Storage Queue Data Contributor", "host", stack.storage.account.id)
    yield Grant(who, "Storage Table Data Contributor", "host", stack.storage.account.id)
    for name, queue in stack.bus.queues.items():
        yield Grant(who, "Azure Service Bus Data Receiver", name, queue.id)
        yield Grant(who, "Azure Service Bus Data Sender", name, queue.id)
    yield Grant(who, "Key Vault Crypto Service Encryption User", "credentials", stack.vault.key.id)
    yield Grant(who, "App Configuration Data Reader", "flags", stack.configuration.store.id)
    yield Grant(who, "Monitoring Metrics Publisher", "telemetry", stack.telemetry.insights.id)
