"""Configuration files that people write, as the operations that a counterparty takes from its queue."""
