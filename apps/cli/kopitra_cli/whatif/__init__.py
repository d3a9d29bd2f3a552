"""`kopitra replay`: settings files, quotes, progress, and a what-if result on a terminal."""
