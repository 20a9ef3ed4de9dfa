"""ROBUST: reporting of Bayes used in clinical studies, seven items."""

from __future__ import annotations

from bayesmeta.report.checklists import answers
from bayesmeta.report.checklists.item import NOT_HERE, Checklist, Item

ROBUST = Checklist(
    "ROBUST",
    "Sung 2005, doi:10.1016/j.jclinepi.2004.08.010",
    [
        Item("Prior", "Which priors were taken", answers.priors),
        Item("Prior", "Why these", answers.justified, NOT_HERE),
        Item("Prior", "What other priors give", answers.sensitivity),
        Item("Analysis", "Statistical model", answers.model_text),
        Item("Analysis", "How it was computed", answers.engines),
        Item("Results", "Central tendency of each posterior", answers.centre),
        Item("Results", "Its spread: SD or credible interval", answers.spread),
    ],
)
