"""The management side: what configures, watches and accounts for the copying."""
