"""Events over time at risk in two arms, by their Poisson likelihood."""
