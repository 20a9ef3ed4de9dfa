"""How much the answer owes to the prior."""
