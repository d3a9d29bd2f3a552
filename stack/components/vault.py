"""Key Vault: the key that wraps brokers' credentials, and the counterparty's token keys. Roles, no access policies."""

import pulumi_azure_native as azure
from pulumi import Output, ResourceOptions

from stack.frame import Component, Frame

CREDENTIALS_KEY = "broker-credentials"
TOKEN_KEYS_SECRET = "token-keys"


class Vault(Component):
    """`vault`, `key`; `token_keys`: how an app's settings refer to that secret, with its version: so a rotation changes
    the settings, and no app that is told the new key's id still finds the old keys."""

    def __init__(self, frame: Frame, *, token_keys: Output[str], opts: ResourceOptions | None = None) -> None:
        super().__init__("vault", opts)
        settings = frame.settings.vault
        self.vault = azure.keyvault.Vault(
            "vault",
            vault_name=frame.names.of("kv"),
            resource_group_name=frame.group,
            location=frame.location,
            properties=azure.keyvault.VaultPropertiesArgs(
                tenant_id=frame.directory_id,
                sku=azure.keyvault.SkuArgs(
                    family=azure.keyvault.SkuFamily.A, name=azure.keyvault.SkuName.STANDARD
                ),
                enable_rbac_authorization=True,
                enable_soft_delete=True,
                soft_delete_retention_in_days=settings.soft_delete_days,
                # Azure refuses a false here: the protection is asked for or left out.
                enable_purge_protection=settings.purge_protection or None,
                public_network_access="Enabled",
            ),
            tags=frame.tags,
            opts=frame.stateful(self),
        )
        self.key = azure.keyvault.Key(
            "credentials-key",
            key_name=CREDENTIALS_KEY,
            vault_name=self.vault.name,
            resource_group_name=frame.group,
            properties=azure.keyvault.KeyPropertiesArgs(
                kty=azure.keyvault.JsonWebKeyType.RSA,
                key_size=3072,
                key_ops=[
                    azure.keyvault.JsonWebKeyOperation.WRAP_KEY,
                    azure.keyvault.JsonWebKeyOperation.UNWRAP_KEY,
                ],
            ),
            tags=frame.tags,
            opts=frame.stateful(self),
        )
        self.secret = azure.keyvault.Secret(
            "token-keys",
            secret_name=TOKEN_KEYS_SECRET,
            vault_name=self.vault.name,
            resource_group_name=frame.group,
            properties=azure.keyvault.SecretPropertiesArgs(value=token_keys, content_type="application/json"),
            tags=frame.tags,
            opts=self.child,
        )
        self.url: Output[str] = self.vault.name.apply(lambda name: f"https://{name}.vault.azure.net")
        self.token_keys: Output[str] = Output.unsecret(
            Output.all(
                self.vault.name, self.secret.properties.apply(lambda secret: secret.secret_uri_with_version)
            ).apply(lambda known: _reference(*known))
        )
        self.register_outputs({})


def _reference(vault: str, secret_uri: str) -> str:
    """Key Vault's own address of a version ends with it."""
    version = secret_uri.rsplit("/", 1)[-1]
    return f"@Microsoft.KeyVault(VaultName={vault};SecretName={TOKEN_KEYS_SECRET};SecretVersion={version})"
