"""Results: posteriors with the data and model that made them, and the questions they answer."""

from bayesmeta.results.fit import fit, fit_many
from bayesmeta.results.meta_result import MetaResult

__all__ = ["MetaResult", "fit", "fit_many"]
