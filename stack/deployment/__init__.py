"""The code in the same `up`: packages are published, the database is prepared, and each app is waited for."""
