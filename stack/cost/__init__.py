"""What an environment costs: prices with their sources, what a quiet one uses, and the resources."""
