"""The queues of the platform, by the names that Service Bus knows them by."""

EVENTS = "trade-agent-events"
"""What counterparties tell; read by a native trigger."""
HISTORY = "trade-agent-history"
"""The same, waiting for SQL; read by the drain."""
COMMANDS = "trade-agent-commands"
"""Configuration, and whatever else counterparties are told."""
TASKS = "management-tasks"
"""Runs of our own tasks, a slice of work a message; read by a native trigger."""
ALL = (EVENTS, HISTORY, COMMANDS, TASKS)
