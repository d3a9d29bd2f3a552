"""The first tables: accounts."""

import sqlalchemy as sa
from alembic import op

from kopitra_functions.sql import types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "brokers",
        sa.Column("broker", types.identifier(128), nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("name", types.words(512), nullable=False),
        sa.Column("platform", types.identifier(64), nullable=True),
        sa.Column("servers", types.Json(), nullable=True),
        sa.Column("details", types.Json(), nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("updated_by", types.identifier(255), nullable=True),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.tenant"], name="fk_brokers_tenant"),
        sa.PrimaryKeyConstraint("broker", name="pk_brokers"),
        sa.UniqueConstraint("tenant", "broker", name="uq_brokers_tenant_broker"),
        sa.UniqueConstraint("tenant", "name", name="uq_brokers_tenant_name"),
    )
    op.create_table(
        "accounts",
        sa.Column("account", types.identifier(64), nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("label", types.words(512), nullable=False),
        sa.Column("broker", types.identifier(128), nullable=True),
        sa.Column("platform", types.identifier(64), nullable=True),
        sa.Column("login", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("server", types.words(512), nullable=True),
        sa.Column("currency", types.identifier(64), nullable=True),
        sa.Column("margin_mode", types.identifier(64), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("requires_approval", sa.Boolean(), nullable=False),
        sa.Column("revoked_devices", types.Json(), nullable=True),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("updated_by", types.identifier(255), nullable=True),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "broker"], ["brokers.tenant", "brokers.broker"], name="fk_accounts_tenant_broker"
        ),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.tenant"], name="fk_accounts_tenant"),
        sa.PrimaryKeyConstraint("account", name="pk_accounts"),
        sa.UniqueConstraint("tenant", "account", name="uq_accounts_tenant_account"),
    )
    op.create_index(
        "ix_accounts_tenant_broker_account", "accounts", ["tenant", "broker", "account"], unique=False
    )
    op.create_index(
        "ix_accounts_tenant_label_account", "accounts", ["tenant", "label", "account"], unique=False
    )
    op.create_index("ix_accounts_tenant_login", "accounts", ["tenant", "login"], unique=False)
    op.create_table(
        "broker_credentials",
        sa.Column("account", types.identifier(64), nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("login", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("server", types.words(512), nullable=False),
        sa.Column("sealed", types.sealed_bytes(), nullable=False),
        sa.Column("wrapped_by", types.words(512), nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("updated_by", types.identifier(255), nullable=True),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "account"],
            ["accounts.tenant", "accounts.account"],
            name="fk_broker_credentials_tenant_account",
        ),
        sa.PrimaryKeyConstraint("account", name="pk_broker_credentials"),
    )
    op.create_index(
        "ix_broker_credentials_tenant_account", "broker_credentials", ["tenant", "account"], unique=False
    )
    op.create_index(
        "ix_broker_credentials_wrapped_by_account",
        "broker_credentials",
        ["wrapped_by", "account"],
        unique=False,
    )
    op.create_table(
        "entitlements",
        sa.Column("account", types.identifier(64), nullable=False),
        sa.Column("capability", types.identifier(64), nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("limits", types.Json(), nullable=True),
        sa.Column("valid_from", types.UtcTime(), nullable=True),
        sa.Column("valid_until", types.UtcTime(), nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("updated_by", types.identifier(255), nullable=True),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "account"],
            ["accounts.tenant", "accounts.account"],
            name="fk_entitlements_tenant_account",
        ),
        sa.PrimaryKeyConstraint("account", "capability", name="pk_entitlements"),
    )
    op.create_index(
        "ix_entitlements_tenant_account_capability",
        "entitlements",
        ["tenant", "account", "capability"],
        unique=False,
    )
    op.create_index(
        "ix_entitlements_tenant_capability_account",
        "entitlements",
        ["tenant", "capability", "account"],
        unique=False,
    )
    op.create_index("ix_entitlements_valid_until", "entitlements", ["valid_until"], unique=False)
    op.create_table(
        "enrolment_codes",
        sa.Column("code_id", types.identifier(128), nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("account", types.identifier(64), nullable=False),
        sa.Column("code_hash", types.identifier(64), nullable=False),
        sa.Column("status", types.identifier(64), nullable=False),
        sa.Column("issued_at", types.UtcTime(), nullable=False),
        sa.Column("issued_by", types.identifier(255), nullable=False),
        sa.Column("expires_at", types.UtcTime(), nullable=False),
        sa.Column("used_at", types.UtcTime(), nullable=True),
        sa.Column("device", types.identifier(128), nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("updated_by", types.identifier(255), nullable=True),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "account"],
            ["accounts.tenant", "accounts.account"],
            name="fk_enrolment_codes_tenant_account",
        ),
        sa.PrimaryKeyConstraint("code_id", name="pk_enrolment_codes"),
        sa.UniqueConstraint("code_hash", name="uq_enrolment_codes_code_hash"),
    )
    op.create_index(
        "ix_enrolment_codes_status_expires_at", "enrolment_codes", ["status", "expires_at"], unique=False
    )
    op.create_index(
        "ix_enrolment_codes_tenant_account_issued_at_code_id",
        "enrolment_codes",
        ["tenant", "account", "issued_at", "code_id"],
        unique=False,
    )
    op.create_index(
        "ix_enrolment_codes_tenant_issued_at_code_id",
        "enrolment_codes",
        ["tenant", "issued_at", "code_id"],
        unique=False,
    )
