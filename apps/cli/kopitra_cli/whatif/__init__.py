"""`kopitra replay`: settings files, quotes, progress, and the ways a what-if result is shown."""
