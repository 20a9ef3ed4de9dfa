"""Several follow-ups of each study, whose effects are correlated over time."""
