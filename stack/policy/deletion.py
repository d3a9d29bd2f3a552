"""In production nothing that holds state is deleted by a slip, by whichever door."""

from collections.abc import Iterator, Sequence

from stack.policy.judging import UNSEEN, Judged, Rule, StackRule

PROTECTED_ENVIRONMENT = "prod"
STATEFUL = frozenset(
    {
        "resources:ResourceGroup",
        "storage:StorageAccount",
        "storage:BlobContainer",
        "storage:Table",
        "servicebus:Namespace",
        "servicebus:Queue",
        "keyvault:Vault",
        "keyvault:Key",
        "sql:Server",
        "sql:Database",
    }
)
LOCKED = frozenset({"storage:StorageAccount", "servicebus:Namespace", "keyvault:Vault", "sql:Database"})
"""All of what is stateful lies within these (docs/decisions/0191)."""
LOCK = "authorization:ManagementLockByScope"


def _protected(resource: Judged) -> Iterator[str]:
    if resource.environment != PROTECTED_ENVIRONMENT:
        return
    if not resource.protect:
        yield "it holds state and is not protected"
    purge = resource.at("properties.enablePurgeProtection")
    if resource.kind == "keyvault:Vault" and purge not in (True, UNSEEN):
        yield "a vault that can be purged can lose the key that brokers' credentials are sealed with"


def _locked(resources: Sequence[Judged]) -> Iterator[str]:
    locks = [each for each in resources if each.kind == LOCK]
    for resource in resources:
        if resource.environment != PROTECTED_ENVIRONMENT or resource.kind not in LOCKED:
            continue
        own = [lock for lock in locks if resource.urn in lock.scope_of]
        if not any(lock.at("level") == "CanNotDelete" for lock in own):
            yield f"{resource.urn.rsplit('::', 1)[1]} holds state and has no lock against deletion"


RULES = (Rule("protected", "Pulumi refuses to delete what holds production's state.", _protected, STATEFUL),)
STACK_RULES = (StackRule("locked", "Azure refuses to delete what holds production's state.", _locked),)
