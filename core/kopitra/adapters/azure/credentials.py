"""Who a service of ours is to Azure."""

from azure.core.credentials import TokenCredential
from azure.identity import DefaultAzureCredential


def own_identity() -> TokenCredential:
    """The managed identity of where this runs; on a developer's machine, whoever signed in. Asks for nothing yet."""
    return DefaultAzureCredential(exclude_interactive_browser_credential=True)
