"""Nothing is public, nothing is spoken in the clear, and nothing takes a key where an identity will do."""

from collections.abc import Iterator

from stack.policy.judging import Judged, Rule, wanted

APPS = frozenset({"web:WebApp", "web:WebAppSlot"})
LOCAL = frozenset(
    {"servicebus:Namespace", "appconfiguration:ConfigurationStore", "applicationinsights:Component"}
)
PASSWORDS = frozenset(
    {
        "web:WebAppFtpAllowed",
        "web:WebAppScmAllowed",
        "web:WebAppFtpAllowedSlot",
        "web:WebAppScmAllowedSlot",
    }
)
TLS = {
    "storage:StorageAccount": ("minimumTlsVersion", ("TLS1_2", "TLS1_3")),
    "sql:Server": ("minimalTlsVersion", ("1.2", "1.3")),
    "servicebus:Namespace": ("minimumTlsVersion", ("1.2", "1.3")),
    "web:WebApp": ("siteConfig.minTlsVersion", ("1.2", "1.3")),
    "web:WebAppSlot": ("siteConfig.minTlsVersion", ("1.2", "1.3")),
}
"""Kind → where it says so, and what is new enough."""


def _blobs(resource: Judged) -> Iterator[str]:
    if resource.kind == "storage:BlobContainer":
        yield from wanted(resource, "publicAccess", "None")
    else:
        yield from wanted(resource, "allowBlobPublicAccess", False)


def _tls(resource: Judged) -> Iterator[str]:
    path, allowed = TLS[resource.kind]
    yield from wanted(resource, path, *allowed)


def _https(resource: Judged) -> Iterator[str]:
    path = "enableHttpsTrafficOnly" if resource.kind == "storage:StorageAccount" else "httpsOnly"
    yield from wanted(resource, path, True)


def _identities(resource: Judged) -> Iterator[str]:
    if resource.kind == "storage:StorageAccount":
        yield from wanted(resource, "allowSharedKeyAccess", False)
    elif resource.kind in PASSWORDS:
        yield from wanted(resource, "allow", False)
    elif resource.kind == "keyvault:Vault":
        yield from wanted(resource, "properties.enableRbacAuthorization", True)
    elif resource.kind == "sql:Server":
        yield from wanted(resource, "administrators.azureADOnlyAuthentication", True)
    else:
        yield from wanted(resource, "disableLocalAuth", True)


RULES = (
    Rule(
        "no-public-blobs",
        "Nobody reads a blob without signing in.",
        _blobs,
        frozenset({"storage:StorageAccount", "storage:BlobContainer"}),
    ),
    Rule("tls-1-2", "Nothing speaks TLS older than 1.2.", _tls, frozenset(TLS)),
    Rule("https-only", "Nothing answers without TLS.", _https, APPS | {"storage:StorageAccount"}),
    Rule(
        "identities-only",
        "Keys and passwords open nothing: callers are identities of the directory.",
        _identities,
        LOCAL | PASSWORDS | {"storage:StorageAccount", "keyvault:Vault", "sql:Server"},
    ),
)
