"""Every public plot: its kind, where its function is, and what the command line computes to draw it. Loads no drawing library."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Value = Literal["fit", "sensitivity", "tipping points", "leave-one-out", "cumulative", "comparison", "ensemble"]


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot.

    Attributes
    ----------
    kind : str
        What ``--kind`` says on the command line.
    module : str
        File of its function in `bayesmeta.plots`.
    value : str
        What is drawn: a fit, or what a question about other priors or other studies answers.
    about : str
        What it shows, in a few words.
    parameter : str
        What its argument `parameter` is called, if it has one.
    """

    kind: str
    module: str
    value: Value
    about: str
    parameter: str = ""

    @property
    def name(self) -> str:
        """Its public name: ``plot_forest``."""
        return f"plot_{self.kind.replace('-', '_')}"

    @property
    def draw(self) -> Callable[..., Axes]:
        """The function, from the value to axes."""
        drawn: Any = getattr(importlib.import_module(f"bayesmeta.plots.{self.module}"), self.name)
        return drawn  # type: ignore[no-any-return]


PLOTS = {
    plot.kind: plot
    for plot in (
        Plot("forest", "result_forest", "fit", "studies, pooled effect and new study"),
        Plot("funnel", "funnel", "fit", "effects and their standard errors"),
        Plot("prior-posterior", "prior_posterior", "fit", "prior and posterior of a parameter", "parameter"),
        Plot("tau-mu", "tau_mu", "fit", "mean and heterogeneity together"),
        Plot("regression", "regression", "fit", "effects along a covariate", "covariate"),
        Plot("dose-response", "dose_response", "fit", "the effect over the dose, of a dose-response model"),
        Plot("time-course", "time_course", "fit", "mean effect over the times of follow-up"),
        Plot("predictive", "predictive", "fit", "observed effects and what the model predicts"),
        Plot("radial", "radial", "fit", "effects in units of their errors"),
        Plot("baujat", "baujat", "fit", "which studies are heterogeneous, and which matter"),
        Plot("sensitivity", "sensitivity", "sensitivity", "a probability under other priors"),
        Plot("tipping", "tipping", "tipping points", "which changes would change the answer"),
        Plot("leave-one-out", "leave_one_out", "leave-one-out", "the answer without each study", "parameter"),
        Plot("cumulative", "cumulative", "cumulative", "the answer as studies came in", "parameter"),
        Plot("weight-function", "weight_function", "ensemble", "how likely studies are to be seen, by P value"),
        Plot(
            "model-probabilities", "model_probabilities", "ensemble", "effect, heterogeneity and bias, before and after"
        ),
        Plot("comparison", "comparison", "comparison", "frequentist estimators and posteriors", "parameter"),
    )
}
