"""What is asked about a review, one row each: its option, its parts, and what becomes of the answer.

A further statistic is a function in `printed.py`, one more row here, and one more option in `command.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bayesmeta.errors import DataError
from bayesmeta.priors import parse_prior
from bayesmeta.report.new_review.answers import number_from, one_of, p_from, size_from, whole_from
from bayesmeta.report.new_review.draft import RISK, Draft, Trial
from bayesmeta.report.new_review.measures import SHORT, measure_row
from bayesmeta.report.new_review.printed import (
    DIRECTIONS,
    LOOSE_Z,
    SOFT,
    i2,
    interval,
    method,
    pooled,
    significant,
    subgroup,
    tau2,
    trial_p,
)

type Words = Callable[[Draft, Sequence[str]], str]
_BLANK, _NOT_PRINTED, _NO_MORE = "Enter: leave blank", "Enter: not printed", "Enter: none, or no more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Something that an abstract says.

    Parameters
    ----------
    option : str
        Name of the option that answers it, without dashes.
    parts : tuple
        What is asked, in order: text, or a function of the draft and of the parts before, whose empty text asks nothing. An
        option has all parts in one text, with semicolons between them, and so may the answer to the first part.
    take : callable
        From the draft and the answers to the draft with them; it may raise what a reader of answers raises.
    skip : str
        What Enter does.
    default : callable, optional
        The answer that Enter gives, of the draft; none where it gives an empty text.
    applies : callable
        Whether it is asked, given the draft.
    unless : str
        Why not, where it is not.
    repeats : bool
        Whether it is asked again until it is skipped.
    sample : str
        The section of an analysis file that a template has as a comment, where there is no answer.
    """

    option: str
    parts: tuple[str | Words, ...]
    take: Callable[[Draft, Sequence[str]], Draft]
    skip: str = _BLANK
    default: Callable[[Draft], str] = lambda draft: ""
    applies: Callable[[Draft], bool] = lambda draft: True
    unless: str = ""
    repeats: bool = False
    sample: str = ""


def _text(name: str) -> Callable[[Draft, Sequence[str]], Draft]:
    return lambda draft, parts: replace(draft, **{name: " ".join(parts[0].split())})  # type: ignore[arg-type]


def _measure(draft: Draft, parts: Sequence[str]) -> Draft:
    return replace(draft, row=measure_row(parts[0]))


def _benefit(draft: Draft, parts: Sequence[str]) -> Draft:
    return replace(draft, benefit=one_of(parts[0], DIRECTIONS, "benefit"))  # type: ignore[arg-type]


def _n_trials(draft: Draft, parts: Sequence[str]) -> Draft:
    return replace(draft, n_trials=whole_from(parts[0], "number of trials"))


def _trial(draft: Draft, parts: Sequence[str]) -> Draft:
    if len(draft.trials) == draft.n_trials:
        raise DataError(
            f"the review pooled {draft.n_trials} trials, and this is one more. Correct the number of trials."
        )
    name = " ".join(parts[0].split())
    if name in [trial.name for trial in draft.trials]:
        raise DataError(f"there is a trial {name!r} already. Tell them apart, e.g. {name} b.")
    return replace(draft, trials=(*draft.trials, Trial(name, size_from(parts[1]) if parts[1] else None)))


def _total(draft: Draft, parts: Sequence[str]) -> Draft:
    return replace(draft, total=whole_from(parts[0], "participants"))


def _spread(what: str, least: float, most: float) -> Callable[[Draft, Sequence[str]], Draft]:
    def take(draft: Draft, parts: Sequence[str]) -> Draft:
        value, _ = number_from(parts[0], what)
        if not least < value < most:
            raise DataError(
                f"{what}: {parts[0]} must be above {least:g}{f' and below {most:g}' if math.isfinite(most) else ''}."
            )
        return replace(draft, spread=value)

    return take


def _important(draft: Draft, parts: Sequence[str]) -> Draft:
    value, _ = number_from(parts[0], "smallest effect")
    ratio = draft.row is not None and draft.row.is_ratio
    better = (0 < value < 1) if draft.benefit == "lower" else value > 1
    if ratio and not better:
        where = "between 0 and 1" if draft.benefit == "lower" else "above 1"
        raise DataError(
            f"smallest effect: a ratio {where} is a benefit where {draft.benefit} is better; got {value:g}."
        )
    if not ratio and not abs(value) > 0:
        raise DataError("smallest effect: it must differ from 0.")
    return replace(draft, important=value if ratio else abs(value))


def _prior(name: Literal["mu", "tau", "beta"]) -> Callable[[Draft, Sequence[str]], Draft]:
    def take(draft: Draft, parts: Sequence[str]) -> Draft:
        chosen = str(parse_prior(parts[0]))
        return draft if chosen == draft.prior(name) else replace(draft, **{name: chosen})  # type: ignore[arg-type]

    return take


def _trial_part(draft: Draft, _: Sequence[str]) -> str:
    place = f"Trial {len(draft.trials) + 1}{f' of {draft.n_trials}' if draft.n_trials else ''}: name"
    return place if draft.trials else f"{place}, e.g. Smith 2001; or name; treated control, e.g. Smith 2001; 30 31"


def _choose(draft: Draft, parts: Sequence[str]) -> str:
    listed = "; ".join(f"{i} {name}" for i, name in enumerate(draft.names, start=1))
    return f"Trials with {parts[0].strip()}, by number, with commas: {listed}"


def _ask_direction(lead: Callable[[str], str]) -> Words:
    """Ask for a direction, which "not significant" has not."""

    def ask(_: Draft, parts: Sequence[str]) -> str:
        try:
            asked = p_from(parts[1]).relation != ">"
        except DataError:
            asked = True  # P is rejected with all parts
        return f"{lead(parts[0].strip())}: lower or higher" if asked else ""

    return ask


def _ask_important(draft: Draft, _: Sequence[str]) -> str:
    ratio = draft.row is not None and draft.row.is_ratio
    return f"Smallest effect that matters, e.g. {('0.8' if draft.benefit == 'lower' else '1.25') if ratio else '1'}"


def _knows_measure(draft: Draft) -> bool:
    return draft.row is not None


def _knows_scale(draft: Draft) -> bool:
    return draft.scale is not None


def _has_groups(draft: Draft) -> bool:
    return _knows_scale(draft) and bool(draft.groups)


def _asks(what: str) -> Callable[[Draft], bool]:
    return lambda draft: draft.row is not None and draft.row.asks == what


def _trials_left(draft: Draft) -> bool:
    return draft.n_trials is None or len(draft.trials) < draft.n_trials


# What an analysis file takes besides, with its keys; seldom printed in an abstract, and not asked for.
FURTHER = (
    'kind = "q"\nq = 14.51\ndigits = 2',
    'kind = "prediction"\nlower = 0.13\nupper = 1.18\nratio = true # of a measure that is not a ratio, leave this out',
    (
        "# estimate and interval of one subgroup: needs the column, as a subgroup test does\n"
        'kind = "pooled"\ncovariate = "high_dose"\ngroup = 1\nestimate = 0.38\nlower = 0.22\nupper = 0.66\nratio = true'
    ),
    (
        '# a meta-regression: needs covariates = ["year"], that column of numbers in studies.csv, and a formula with it\n'
        'kind = "slope"\ncovariate = "year"\nestimate = -0.12\nlower = -0.25\nupper = 0.01\ndigits = 2'
    ),
    'kind = "slope_test"\ncovariate = "year"\np = 0.07\ndigits = 2\ndirection = "lower"',
)
_SIZE = "{0}: participants treated and control, e.g. 30 31; both together, e.g. 61; or a range of that, e.g. 12 to 28"
_OF_MEASURE = "it needs --measure"
_OF_SCALE = "it needs --measure, and of a mean difference --sd"
QUESTIONS = (
    Question(option="title", parts=("What the review is about, e.g. Ketamine infusions for chronic pain",), take=_text("title")),
    Question(option="citation", parts=("Where it was published: authors, journal, year, DOI",), take=_text("citation")),
    Question(option="outcome", parts=("Outcome that was pooled, e.g. Pain at 48 hours",), take=_text("outcome")),
    Question(option="measure", parts=(f"Measure that was pooled: {', '.join(SHORT)}",), take=_measure),
    Question(
        option="unit", parts=("Unit of the outcome, e.g. points on 0-10",), take=_text("unit"), skip="Enter: none",
        applies=_asks("sd"), unless="it is for --measure md",
    ),
    Question(
        option="benefit", parts=("Which is better, a lower or a higher outcome (of a ratio: below or above 1)?",), take=_benefit,
        default=lambda draft: draft.benefit,
    ),
    Question(option="trials", parts=("Number of trials that were pooled",), take=_n_trials, skip="Enter: as many as are named"),
    Question(
        option="trial", parts=(_trial_part, lambda draft, parts: _SIZE.format(parts[0].strip())), take=_trial, repeats=True,
        skip="Enter: no more", applies=_trials_left, unless="--trials says that there are no more",
    ),
    Question(
        option="total", parts=("Participants in all trials together",), take=_total, skip=_NOT_PRINTED,
        applies=lambda draft: draft.sizes_known, unless="it is for trials that have a size, or a range of it, each",
    ),
    Question(
        option="method", take=method, default=lambda draft: draft.method,
        parts=(
            "How it was pooled: dl (random effects by DerSimonian and Laird), pm (Paule and Mandel), reml, or fe (fixed effect)",
        ),
    ),
    Question(
        option="interval", parts=("Its confidence interval: wald (normal quantiles) or hksj (Hartung and Knapp)",), take=interval,
        default=lambda draft: draft.interval,
    ),
    Question(
        option="pooled", parts=("Pooled estimate and its limits as printed, e.g. -1.83 (95% CI -2.35 to -1.31)",), take=pooled,
        applies=_knows_measure, unless=_OF_MEASURE,
    ),
    Question(
        option="i2", parts=("I-squared in percent",), take=i2, skip=_NOT_PRINTED, sample='kind = "i2"\ni2 = 66\ntolerance = 5.0',
    ),
    Question(
        option="tau2", parts=("tau-squared, between trials",), take=tau2, skip=_NOT_PRINTED,
        sample='kind = "tau2"\ntau2 = 0.25\ntolerance = 0.05', applies=lambda draft: draft.method != "fe",
        unless="a fixed-effect pool has none",
    ),
    Question(
        option="significant", take=significant, skip=_NOT_PRINTED,
        parts=("Number of trials that were significant on their own", "In which direction: lower or higher?"),
        sample=f'kind = "significant"\ncount = 3\ndirection = "lower"\ntolerance = {SOFT}',
    ),
    Question(
        option="trial-p", take=trial_p, skip=_NO_MORE, repeats=True,
        parts=(
            "A trial's own P: the trial, by name or number",
            "Its P as a bound, e.g. <.001, or NS for not significant",
            _ask_direction(lambda name: f"The effect in {name}"),
        ),
        applies=lambda draft: any(trial.name for trial in draft.rows), unless="it needs the --trial",
        sample='kind = "study"\nstudy = "Smith 2001"\np = 0.001\nrelation = "<"\ndirection = "lower"',
    ),
    Question(
        option="subgroup", take=subgroup, skip=_NO_MORE, repeats=True,
        parts=(
            "Subgroup test: what some of the trials have, as the name of a column, e.g. high_dose",
            "P of the difference between subgroups, e.g. .213, <.05, or NS for not significant",
            _ask_direction(lambda name: f"The estimate in trials with {name}, versus the others (Enter: not printed)"),
            _choose,
        ),
        applies=lambda draft: len(draft.rows) > 1, unless="it needs several trials",
        sample=(
            '# needs covariates = ["high_dose"], that column in studies.csv, and a model with formula = "1 + high_dose"\n'
            f'kind = "subgroup"\ncovariate = "high_dose"\np = 0.213\ndirection = "lower"\ntolerance = {LOOSE_Z}'
        ),
    ),
    Question(
        option="sd", parts=("Standard deviation of the outcome among participants, about",),
        take=_spread("standard deviation", 0, math.inf), applies=_asks("sd"), unless="it is for --measure md",
    ),
    Question(
        option="risk", parts=("Risk of the event in the trials, about, in percent",), take=_spread("risk", 0, 100),
        default=lambda draft: f"{RISK:g}", applies=_asks("risk"), unless="it is for --measure rr, or, hr and rd",
    ),
    Question(
        option="important", parts=(_ask_important,), take=_important, skip="Enter: none", applies=_knows_measure,
        unless=_OF_MEASURE,
    ),
    Question(
        option="mu", parts=("Prior on the mean effect (of a ratio, on its logarithm)",), take=_prior("mu"),
        default=lambda draft: draft.prior("mu") or "", applies=_knows_scale, unless=_OF_SCALE,
    ),
    Question(
        option="tau", parts=("Prior on the SD of the true effects between trials",), take=_prior("tau"),
        default=lambda draft: draft.prior("tau") or "", applies=_knows_scale, unless=_OF_SCALE,
    ),
    Question(
        option="beta", parts=("Prior on a difference between subgroups",), take=_prior("beta"),
        default=lambda draft: draft.prior("beta") or "", applies=_has_groups, unless="it is for a --subgroup",
    ),
)  # fmt: skip
