"""Asking: each question by its option, at the terminal or from standard input; what cannot be right is asked again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bayesmeta.errors import BayesmetaError, SpecificationError
from bayesmeta.report.messages import one_line, say
from bayesmeta.report.new_review.draft import Draft, check
from bayesmeta.report.new_review.questions import QUESTIONS, Question


@dataclass(slots=True)
class Lines:
    """Answers, a line each, from a terminal or a file; empty ones once there are no more."""

    ended: bool = False

    def next(self) -> str:
        """Return the next answer."""
        if self.ended:
            return ""
        try:
            return input("> ").strip()
        except EOFError:
            self.ended = True
            say("\nstandard input has ended: what is left takes its default, or stays blank")
            return ""


def interview(given: Mapping[str, Sequence[str]], lines: Lines | None) -> Draft:
    """Return what options and answers say of a review.

    Parameters
    ----------
    given : mapping of str to sequence of str
        By option, what was given for it; nothing is asked about these.
    lines : Lines, optional
        Where answers come from; None asks nothing.

    Raises
    ------
    DataError, SpecificationError
        If an option cannot be right, or the last answer of a file cannot.
    """
    draft = Draft()
    for question in QUESTIONS:
        if given.get(question.option):
            for text in given[question.option]:
                draft = _by_option(question, draft, text)
        elif lines is not None and not lines.ended:
            draft = _asked(question, draft, lines)
    return draft


def _by_option(question: Question, draft: Draft, text: str) -> Draft:
    where = f"--{question.option} {text!r}"
    if not question.applies(draft) and not (question.repeats and draft.trials):
        raise SpecificationError(f"{where}: {question.unless}. Leave it out.")
    try:
        return _taken(question, draft, _parts(question, text))
    except BayesmetaError as error:
        raise type(error)(f"{where}: {error}") from error


def _parts(question: Question, text: str) -> list[str]:
    parts = [part.strip() for part in text.split(";")] if len(question.parts) > 1 else [text.strip()]
    if len(parts) != len(question.parts):
        raise SpecificationError(
            f"{text!r} has {len(parts)} part{'' if len(parts) == 1 else 's'}; write {len(question.parts)}, with semicolons "
            "between them, also beside one that is left empty."
        )
    return parts


def _taken(question: Question, draft: Draft, parts: Sequence[str]) -> Draft:
    changed = question.take(draft, parts)
    check(changed)
    return changed


def _asked(question: Question, draft: Draft, lines: Lines) -> Draft:
    """Ask until the answer can be right; a question that repeats, until it is skipped."""
    while question.applies(draft):
        answers = _answers(question, draft, lines)
        if not answers:
            break
        try:
            draft = _taken(question, draft, _parts(question, answers[0]) if len(answers) == 1 else answers)
        except BayesmetaError as error:
            if lines.ended:
                raise
            say(f"  Not taken: {one_line(error)}")
            continue
        if not question.repeats:
            break
    return draft


def _answers(question: Question, draft: Draft, lines: Lines) -> list[str]:
    """The answers to all parts of a question, or one with semicolons; none where the first part is skipped."""
    answers: list[str] = []
    for part in question.parts:
        default = question.default(draft)
        skip = "" if answers else f"({question.skip})"
        asked = part if isinstance(part, str) else part(draft, answers)
        if not asked:
            answers.append("")
            continue
        say(f"{asked} {f'[{default}]' if default else skip}".rstrip())
        answers.append(lines.next() or default)
        if not answers[0] or (len(answers) == 1 and ";" in answers[0]):
            break
    return answers if answers[0] else []
