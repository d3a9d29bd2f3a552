"""The line to the counterparty: one exchange at a time, a session, and patience."""
