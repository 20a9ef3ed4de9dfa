"""Exact posteriors of `ArmNormal` and `ChangeNormal` on grids of all parameters, for models without covariates."""
