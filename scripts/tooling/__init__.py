"""What `scripts/dev.py` does, with the standard library only: it runs before anything is installed."""
