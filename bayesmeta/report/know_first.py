"""What a reader has to know before any number: inferred results, confounding, risk of bias, certainty, default priors."""

from __future__ import annotations

from collections.abc import Iterator

from bayesmeta.analysis.records.outcome import OutcomeRecord
from bayesmeta.analysis.records.results import Results
from bayesmeta.data.added import APPROXIMATED
from bayesmeta.text.numbers import format_number

_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
NOT_STATED = "not stated in the analysis file"


def know_first(results: Results) -> list[tuple[str, str]]:
    """Heading and sentence of each item, all from the analysis file and the fits."""
    items = [
        ("Inferred", _inferred(results) or _all_known(results)),
        ("Approximate", " ".join(_corrected(results))),
        ("Confounded", "; ".join(_confounded(results))),
        ("Risk of bias", results.analysis.risk_of_bias),
        ("Certainty", _certainty(results)),
        ("Priors", _defaults(results)),
    ]
    said = [(head, text) for head, text in items if text]
    absent = [head for head, text in items if not text and head in ("Risk of bias", "Certainty")]
    if absent:
        heading = " and ".join([absent[0], *(one.lower() for one in absent[1:])])
        said.insert(next((i for i, one in enumerate(said) if one[0] == "Priors"), len(said)), (heading, NOT_STATED))
    return [(head, _sentence(text)) for head, text in said]


def in_words(number: int) -> str:
    """A small number as a word.

    Examples
    --------
    >>> in_words(6), in_words(40)
    ('six', '40')
    """
    return _COUNTS[number] if number < len(_COUNTS) else str(number)


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _inferred(results: Results) -> str:
    """Of each outcome how many studies' results are inferred, and what else is."""
    several, latent, rest = len(results.outcomes) > 1, list[str](), list[str]()
    for outcome in results.outcomes.values():
        evidence, where = outcome.evidence, f" ({short(outcome.label)})" if several else ""
        n = len(evidence.studies)
        if evidence.latent:
            which = "all" if evidence.latent == n else f"{in_words(evidence.latent)} of"
            trials = "" if latent else " trial" if n == 1 else " trials"
            latent.append(f"{which} {in_words(n)}{trials}{where}")
        if evidence.inferred:
            rest.append(f"{evidence.inferred}{where}")
    said = [f"unknown results of {' and '.join(latent)}"] if latent else []
    return "; ".join([*said, *rest])


def inside(label: str) -> str:
    """A label within a sentence, without what it says in parentheses.

    Examples
    --------
    >>> inside("Mean effect"), inside("SD between studies"), inside("New study (prediction)")
    ('mean effect', 'SD between studies', 'new study')
    """
    text = label.split(" (")[0]
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def short(label: str) -> str:
    """A label without what it says in parentheses or behind a comma.

    Examples
    --------
    >>> short("Pain intensity, lowest score at 48 hours"), short("Responders (three trials)")
    ('Pain intensity', 'Responders')
    """
    return label.split(",")[0].split("(")[0].strip() or label


def _all_known(results: Results) -> str:
    counts = [len(outcome.evidence.studies) for outcome in results.outcomes.values()]
    return "nothing: every study entered with its own result" if all(counts) else ""


def _corrected(results: Results) -> Iterator[str]:
    """What was added to counts with zero cells, by outcome; the methods say what that means."""
    several = len(results.outcomes) > 1
    for outcome in results.outcomes.values():
        if said := outcome.evidence.corrected.removesuffix(APPROXIMATED).strip():
            yield f"{short(outcome.label)}: {said}" if several else said


def _confounded(results: Results) -> Iterator[str]:
    for outcome in results.outcomes.values():
        panel = outcome.confounding
        if panel is None:
            continue
        x, y = (coefficient_label(outcome, panel.model, name) for name in (panel.x, panel.y))
        together = _overlap(outcome, panel.x, panel.y, x, y)
        correlation = format_number(panel.correlation, 2)
        yield f"{x} and {y}{f': {together}' if together else ''}; posterior correlation {correlation}"


def coefficient_label(outcome: OutcomeRecord, model: str, name: str) -> str:
    """Words for a parameter of a model of an outcome."""
    record = outcome.models.get(model)
    return record.labels.get(name, name) if record else name


def _overlap(outcome: OutcomeRecord, a: str, b: str, x: str, y: str) -> str:
    """That every study with one also has the other, where both are yes or no and it is so."""
    cells = [(study.covariates.get(a), study.covariates.get(b)) for study in outcome.evidence.studies]
    if not cells or any(one not in ("0", "1") for pair in cells for one in pair):
        return ""
    for i, first, second in ((0, x, y), (1, y, x)):
        having = [pair for pair in cells if pair[i] == "1"]
        if having and all(pair[1 - i] == "1" for pair in having):
            n = len(having)
            which = {1: "the only trial", 2: "both trials"}.get(n, f"all {in_words(n)} trials")
            return f"{which} with {first} {'has' if n == 1 else 'have'} {second}"
    return ""


def _certainty(results: Results) -> str:
    """What the file states, then the grades of other reviews, the reviews of one grade together."""
    grades: dict[str, dict[str, None]] = {}
    for one in results.external:
        if one.certainty and one.comparable:
            grades.setdefault(one.certainty, {})[one.review] = None
    graded = [f"{grade} ({'; '.join(map(short, reviews))})" for grade, reviews in grades.items()]
    return "; ".join(
        [*results.analysis.certainty, *([f"other reviews graded theirs {', '.join(graded)}"] if graded else [])]
    )


def _defaults(results: Results) -> str:
    """Which priors nobody chose."""
    names = dict.fromkeys(
        inside(model.labels.get(name, name))
        for outcome in results.outcomes.values()
        for model in outcome.models.values()
        for name in model.priors
        if name in model.defaults
    )
    if not names:
        return ""
    return f"those on {' and '.join(names)} are defaults, which the analysis did not choose"
