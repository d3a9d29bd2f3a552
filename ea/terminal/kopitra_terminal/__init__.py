"""Virtual MetaTrader terminals: simulated broker accounts in their own process, and the clients that reach them."""
