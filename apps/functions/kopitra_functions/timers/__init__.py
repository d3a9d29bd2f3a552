"""What happens by the clock. Nothing here wakes SQL by itself, but for one round of chores a day."""
