"""The leader: notices what its terminal did and signals it in order, losing nothing."""
