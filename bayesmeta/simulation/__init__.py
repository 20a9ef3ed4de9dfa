"""Long-run behaviour of estimators and priors, by simulation."""
