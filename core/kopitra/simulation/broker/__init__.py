"""A deterministic MetaTrader broker for one account; start reading at `broker.SimulatedBroker`."""
