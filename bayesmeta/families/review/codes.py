"""Numbers by which the compiled density knows the kinds of printed statistics."""

POOLED, SUBGROUP, I2_ZERO, I2, COUNT, STUDY_BELOW, STUDY_ABOVE = range(7)
