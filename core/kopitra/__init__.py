"""Kopitra's deterministic core: what copying decides, how it is remembered, and the ports to the world."""
