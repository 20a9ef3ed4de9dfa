"""What a model can be fitted to."""

from __future__ import annotations

from bayesmeta.data.arm_changes import ArmChanges
from bayesmeta.data.arm_means import ArmMeans
from bayesmeta.data.counts import Counts
from bayesmeta.data.estimates import Estimates
from bayesmeta.data.incidence_rates import IncidenceRates
from bayesmeta.data.mixed_studies import MixedStudies
from bayesmeta.data.proportions import Proportions
from bayesmeta.data.rates import Rates
from bayesmeta.data.review import PublishedReview

Arms = ArmMeans | ArmChanges | Counts | Proportions | Rates | IncidenceRates | MixedStudies
Data = Estimates | PublishedReview | Arms
