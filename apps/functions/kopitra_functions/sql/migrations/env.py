"""What Alembic runs around each migration: over the connection that was handed in, or as SQL only."""

from alembic import context

from kopitra_functions.sql.tables import metadata

if context.is_offline_mode():
    context.configure(
        dialect_name=context.config.attributes["dialect"],
        target_metadata=metadata,
        transactional_ddl=True,
        literal_binds=True,
    )
else:
    context.configure(
        connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True
    )
with context.begin_transaction():
    context.run_migrations()
