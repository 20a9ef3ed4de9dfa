"""Events in two arms, by their binomial likelihood."""
