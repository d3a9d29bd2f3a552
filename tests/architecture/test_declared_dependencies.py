"""A package declares what it imports and nothing else: its wheel then runs where only its own requirements are."""

import ast

import pytest

from tests.architecture.sources import Member, members
from tests.architecture.third_party import (
    declared,
    distribution_of,
    imports,
    installed_distributions,
    undeclared,
)

WITHOUT_IMPORT = {
    "kopitra-counterparty": "started by the command line as a process of its own",
    "metatrader5": "imported by name on Windows only",
    "mssql-python": "SQLAlchemy imports it when it first connects to SQL Server",
    "tzdata": "the time zones that zoneinfo reads where the system has none",
}
"""Declared, but imported nowhere by an import statement → why."""
INSTALLED = installed_distributions()


def ids(member: Member) -> str:
    return member.distribution


@pytest.mark.parametrize("member", members(), ids=ids)
def test_every_import_is_declared(member: Member):
    offences = [
        f"{module.path}: {found}"
        for module in member.modules()
        for found in undeclared(member, module.tree, INSTALLED)
    ]
    assert not offences, f"add it to {member.folder}/pyproject.toml and run lock:\n" + "\n".join(offences)


@pytest.mark.parametrize("member", members(), ids=ids)
def test_every_declared_dependency_is_imported(member: Member):
    used = {distribution_of(name, INSTALLED) for module in member.modules() for name in imports(module.tree)}
    assert not declared(member) - used - WITHOUT_IMPORT.keys()


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import requests", "requests (requests)"),
        ("from azure.keyvault.secrets import SecretClient", "azure-keyvault-secrets"),
        ("import yaml", "pyyaml"),
        ("def late():\n    import numpy", "numpy"),
        ("import kopitra_counterparty.app", "kopitra-counterparty"),
    ],
)
def test_an_undeclared_import_is_found(source: str, found: str):
    core = members()[0]
    installed = {**INSTALLED, "azure": [*INSTALLED["azure"], "azure-keyvault-secrets"]}
    assert found in "".join(undeclared(core, ast.parse(source), installed))


@pytest.mark.parametrize(
    ("module", "distribution"),
    [
        ("azure.data.tables.aio", "azure-data-tables"),
        ("azure.storage.blob.aio", "azure-storage-blob"),
        ("azure.core.exceptions", "azure-core"),
        ("opentelemetry.sdk.trace", "opentelemetry-sdk"),
        ("opentelemetry.trace.StatusCode", "opentelemetry-api"),
        ("argon2.exceptions", "argon2-cffi"),
        ("kopitra.domain", "kopitra"),
        ("os.path", None),
    ],
)
def test_a_module_is_traced_to_its_distribution(module: str, distribution: str | None):
    tracing = {"opentelemetry": ["opentelemetry-api", "opentelemetry-sdk"]}
    assert distribution_of(module, {**INSTALLED, **tracing}) == distribution
