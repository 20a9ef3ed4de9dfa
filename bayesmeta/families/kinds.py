"""The kinds of models by name, without the families behind them: light enough for a help text."""

from __future__ import annotations

from bayesmeta.families.arm_changes.keys import KEYS as OF_ARM_CHANGES
from bayesmeta.families.arm_means.keys import KEYS as OF_ARM_MEANS
from bayesmeta.families.beta_binomial.keys import KEYS as OF_BETA_BINOMIAL
from bayesmeta.families.counts.keys import KEYS as OF_COUNTS
from bayesmeta.families.dose_response.keys import KEYS as OF_DOSE_RESPONSE
from bayesmeta.families.estimates.keys import KEYS as OF_ESTIMATES
from bayesmeta.families.hypergeometric.keys import KEYS as OF_HYPERGEOMETRIC
from bayesmeta.families.keys import Keys
from bayesmeta.families.mixed.keys import KEYS as OF_MIXED
from bayesmeta.families.rates.keys import KEYS as OF_RATES
from bayesmeta.families.time_course.keys import KEYS as OF_TIME_COURSE

KINDS: dict[str, Keys] = {
    keys.kind: keys
    for keys in (
        OF_ESTIMATES, OF_ARM_MEANS, OF_ARM_CHANGES, OF_COUNTS, OF_HYPERGEOMETRIC, OF_BETA_BINOMIAL, OF_RATES, OF_MIXED,
        OF_DOSE_RESPONSE,
        OF_TIME_COURSE,
    )
}  # fmt: skip
