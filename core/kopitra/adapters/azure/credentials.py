"""Who a service of ours is to Azure."""

from azure.core.credentials import TokenCredential
from azure.core.credentials_async import AsyncTokenCredential
from azure.identity import DefaultAzureCredential
from azure.identity.aio import DefaultAzureCredential as AsyncDefaultAzureCredential


def own_identity() -> TokenCredential:
    """The managed identity of where this runs; on a developer's machine, whoever signed in. Asks for nothing yet."""
    return DefaultAzureCredential(exclude_interactive_browser_credential=True)


def own_identity_async() -> AsyncTokenCredential:
    """The same for clients that wait in the event loop; whoever gets it closes it."""
    return AsyncDefaultAzureCredential(exclude_interactive_browser_credential=True)
