"""The management side's relational data: tables, the database that runs work on them, migrations."""
