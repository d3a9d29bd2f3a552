"""Where the management side meets the world: threads, key vaults, key files."""
