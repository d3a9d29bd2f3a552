"""Leaders’ histories that need no file: generated ones, and what a timeline implies about its symbols."""
