"""The text of a new analysis file: what runs at once, with remarks, and the next keys that one may want, commented out."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bayesmeta.effects.display import Display
from bayesmeta.effects.registry import REPORTED, display_of
from bayesmeta.priors.published import ANY
from bayesmeta.report.new_analysis.priors import Chosen, published_for
from bayesmeta.report.new_analysis.source import Source
from bayesmeta.report.new_review.measures import MEASURES
from bayesmeta.report.toml_text import toml_key, toml_value

_MODEL = "outcomes.main.models"
_MATTERS = {"smd": 0.2, "rd": 0.05}  # sizes that an example gives


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a new analysis file says.

    Attributes
    ----------
    source : Source
    title, label, citation, unit : str
    benefit : {"lower", "higher"}
    priors : dict of str to Chosen
        On mu and tau.
    sd : float
        Of a participant, in units of the effect; 1 where none is known.
    command : str
        The one that reports it.
    """

    source: Source
    title: str
    label: str
    citation: str
    unit: str
    benefit: str
    priors: Mapping[str, Chosen]
    sd: float
    command: str

    @property
    def display(self) -> Display:
        """How its effects are read."""
        return display_of(self.source.measure)

    @property
    def sign(self) -> str:
        """Of a benefit."""
        return "<" if self.benefit == "lower" else ">"

    @property
    def mu_and_tau(self) -> dict[str, str]:
        """Its priors as text."""
        return {name: prior.text for name, prior in self.priors.items()}


def analysis_text(about: Contents) -> str:
    """Return the analysis file."""
    parts = (_head, _outcome, _model, _questions, _signal, _other_prior, _covariate)
    return "\n".join(line for part in parts for line in part(about)) + "\n"


def _remark(text: str) -> Iterator[str]:
    yield from (f"# {line}" for line in textwrap.wrap(text, 118, break_long_words=False, break_on_hyphens=False))


def _keys(content: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{toml_key(key)} = {toml_value(value)}" for key, value in content.items())


def _off(lines: Iterable[str]) -> Iterator[str]:
    """Lines that are commented out."""
    yield from (f"#{line}" for line in lines)


def _head(about: Contents) -> Iterator[str]:
    n = about.source.n_studies
    yield f"# A meta-analysis of {about.source.file}, {n} {'study' if n == 1 else 'studies'}. Report it with"
    yield f"#     {about.command}"
    yield '# A line that begins with "# " is a remark. One that begins with "#" alone is a key that you may want next: take the'
    yield "# mark off. docs/analysis-files.md has every key."
    yield "schema = 1"
    yield from _keys({"title": about.title})
    yield from _keys({"question": "How large is the effect, and how sure can one be of it?"})
    yield from _remark("Where the numbers come from: authors, journal, year, DOI.")
    yield from _keys({"source": about.citation or about.source.file, "seed": 1})
    yield from _off(_keys({"limitations": ["What a reader has to know of these studies."]}))
    yield ""


def _outcome(about: Contents) -> Iterator[str]:
    source, display = about.source, about.display
    yield "[outcomes.main]"
    yield from _keys({"label": about.label})
    if source.measure is not None:
        yield from _remark(_read_as(display))
        yield from _keys({"measure": source.measure})
    else:
        yield from _remark(
            "What y measures. It decides how effects are called and read: ratios are given as logarithms."
        )
        yield from _off(_keys({"measure": "log_or"}))
    if about.unit:
        yield from _keys({"unit": about.unit})
    elif source.measure in (None, "md"):
        yield from _off(_keys({"unit": "points on 0-10"}))
    yield from _remark(_which_is_better(display))
    yield from _keys({"benefit": about.benefit, source.key: source.file})
    if source.columns:
        yield from _remark("Our names of columns, and those of the table.")
        yield from _keys({"columns": dict(source.columns)})
    yield from _covariate_columns(source)
    yield ""
    if source.measure in REPORTED:
        yield from _remark(
            "What the printed estimates measure, so that priors published for another measure are rejected."
        )
        stated = ["[outcomes.main.effects]", *_keys({"printed_measure": source.printed or "log_hr"})]
        yield from stated if source.printed else _off(stated)
        yield ""


def _read_as(display: Display) -> str:
    kind = _with_article(display.label)
    kind = f"{kind[0].upper()}{kind[1:]}"
    return f"{kind}, analysed as {_with_article(display.analysis)}." if display.changes else f"{kind}."


def _with_article(words: str) -> str:
    return f"{'an' if words[0].lower() in 'aeiou' else 'a'} {words}"


def _which_is_better(display: Display) -> str:
    if display.null is None:
        return 'Which is better, "lower" or "higher".'
    zero = "ratios below 1 are" if display.is_ratio else "an effect below 0 is"
    return f'"lower" where {zero} a benefit, "higher" where the contrary holds.'


def _covariate_columns(source: Source) -> Iterator[str]:
    if source.left_out:
        names = ", ".join(source.left_out)
        yield from _remark(
            f"Columns that are kept for formulas. Left out, since they have gaps or do not group studies: {names}."
        )
    else:
        yield "# Columns that are kept for formulas."
    yield from _keys({"covariates": list(source.covariates)})


def _model(about: Contents) -> Iterator[str]:
    yield from _remark(
        "True effects vary around their mean mu with the standard deviation tau. Priors are assumptions, and these are yours to "
        "change; docs/choosing.md helps."
    )
    yield f"[{_MODEL}.overall]"
    yield from _keys({"label": "All studies"})
    on = f" on the scale of the {about.display.analysis}" if about.display.changes else ""
    for name, what in (("mu", f"mean of the true effects{on}"), ("tau", "between-study standard deviation")):
        yield from _remark(f"{name}, {what}. {about.priors[name].why}")
        yield from _keys({name: about.priors[name].text})
    yield ""


def _questions(about: Contents) -> Iterator[str]:
    if about.display.null is None:
        yield from _remark(f"A probability to report, of the mean {about.display.analysis} or of that of a new study.")
        claims = {f"The mean {about.display.analysis} is above 0": "mu > 0"}
        yield from _off([*_probabilities(claims)][:-1])
        yield ""
        return
    benefit = f"{about.sign} 0"
    yield "# Probabilities to report: of the mean, and of the true effect in a new study."
    yield from _probabilities(
        {
            "The mean effect is a benefit": f"mu {benefit}",
            "The effect in a new study is a benefit": f"theta_new {benefit}",
        }
    )


def _probabilities(claims: Mapping[str, str]) -> Iterator[str]:
    for label, claim in claims.items():
        yield "[[outcomes.main.probabilities]]"
        yield from _keys({"label": label, "model": "overall", "claim": claim})
        yield ""


def _signal(about: Contents) -> Iterator[str]:
    """A finding with a size that matters, and other priors on it."""
    if about.display.null is None:
        return
    yield from _remark(
        "A finding beside its published P value, a size that matters, and the same under other priors (in units of the effect)."
    )
    yield from _off(["[[outcomes.main.signals]]", *_keys(_finding(about)), "", "[outcomes.main.sensitivity]"])
    yield from _off(_other_priors(about))
    yield ""


def _finding(about: Contents) -> dict[str, Any]:
    size = _MATTERS.get(about.source.measure or "", 1) * about.sd
    bound, shown = f"{'-' if about.sign == '<' else ''}{size:g}", f"by at least {size:g}"
    if about.display.is_ratio:
        ratio = 0.8 if about.sign == "<" else 1.25
        bound, shown = f"log({ratio:g})", f"{about.display.label} {'below' if about.sign == '<' else 'above'} {ratio:g}"
    return {
        "name": "Mean effect", "model": "overall", "claim": f"mu {about.sign} 0", "claim_label": "the mean effect is a benefit",
        "quantity": "mu", "published_p": 0.04, "threshold": f"mu {about.sign} {bound}", "threshold_label": shown,
    }  # fmt: skip


def _other_priors(about: Contents) -> Iterator[str]:
    row = next((row for row in MEASURES if row.measure == about.source.measure), MEASURES[0])
    for name, family, scale, labels in (
        ("effect", "Normal(0, {:.2g})", row.mu * about.sd, {"sceptical": 1 / 3, "neutral": 1, "wide": 5 / 3}),
        ("tau", "HalfNormal({:.2g})", row.tau * about.sd, {"small": 1 / 2, "moderate": 1, "large": 2}),
    ):
        yield f"{name} = ["
        for label, factor in labels.items():
            yield f"{toml_value({'label': label, 'prior': family.format(scale * factor)})},"
        yield "]"


def _other_prior(about: Contents) -> Iterator[str]:
    measure = about.source.measure
    by_measure = f" --measure {measure}" if measure not in (None, *REPORTED) else ""
    prior = published_for(measure, about.priors["tau"].text)
    listed = f"`bayesmeta priors{by_measure} --parameter tau` lists"
    if prior is None:
        yield from _remark(f"{listed} published priors.")
        yield ""
        return
    of = ", ".join(
        value for name, value in prior.selection.items() if name not in ("measure", "parameter") and value != ANY
    )
    yield from _remark(
        f"The same model under a published prior; {listed} more. This one: {', '.join(filter(None, (of, prior.citation)))}."
    )
    model = {"label": "A published prior on tau", "mu": about.priors["mu"].text, "tau": str(prior)}
    yield from _off([f"[{_MODEL}.published]", *_keys(model)])
    yield ""


def _covariate(about: Contents) -> Iterator[str]:
    if not about.source.covariates:
        yield "# A column beside the others, say dose, gives a model with a formula: docs/formulas.md."
        return
    name = about.source.covariates[0]
    term = name if name.isidentifier() else f"`{name}`"
    yield from _remark(
        "Do effects differ by a covariate? The prior is on the difference for one unit of it, or between groups."
    )
    model = {"label": f"By {name}", "formula": f"1 + {term}", **about.mu_and_tau, "beta": {name: "Normal(0, 1)"}}
    yield from _off([f"[{_MODEL}.by_covariate]", *_keys(model)])
