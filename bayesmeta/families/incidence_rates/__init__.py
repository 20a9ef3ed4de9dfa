"""Events over time at risk in single arms, by their Poisson likelihood."""
