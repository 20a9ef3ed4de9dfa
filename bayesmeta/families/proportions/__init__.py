"""Events in single arms, by their binomial likelihood."""
