"""The platform for development: its services in one data folder, reloaded when code changes, with one log."""
