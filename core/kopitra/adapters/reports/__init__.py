"""What-if results as documents for people."""
