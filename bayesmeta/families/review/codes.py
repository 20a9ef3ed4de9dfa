"""Numbers by which compiled code knows estimators, what a review computes from its trials, and how it is observed."""

METHODS = {"fe": 0, "dl": 1, "pm": 2, "reml": 3}
FE, DL, PM, REML = METHODS.values()

# What is computed: a limit (estimate + c se) with Wald's or Hartung and Knapp's error, or that of a new study's effect; the
# difference of two pools over its error; the root of the Q between pools; a slope over its error; I-squared, Q and tau-squared;
# the number of significant trials; the z of one trial.
LIMIT, LIMIT_HK, NEW, NEW_HK, GAP, BETWEEN, RATIO, I2, Q, TAU2, COUNT, STUDY = range(12)

NEAR, ABOVE, BELOW = range(3)  # how: within a normal, or on one side of a bound that fades out

ESTIMATE, SE, HK, COCHRAN, TAU_SQUARED, EXCESS = range(6)  # numbers of one fit, in this order
N_NUMBERS = 6
