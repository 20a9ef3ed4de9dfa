"""Adjusted log ratios of several doses with one reference dose: their covariance by pseudo-counts (Greenland and Longnecker)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag

from bayesmeta.data.estimates import TRIAL, Estimates
from bayesmeta.data.tables import Table, TableSource, open_table
from bayesmeta.errors import DataError, did_you_mean

Floats = NDArray[np.float64]
DESIGNS = {"case_control": "log_or", "cohort": "log_rr", "rate": "log_irr"}
_ROUNDS, _CLOSE = 200, 1e-12  # of Newton's method, and how near in a log ratio it ends


def adjusted_ratios(table: TableSource, design: str | None = None) -> Estimates:
    """Adjusted log odds, risk or rate ratios of doses with a common reference, and their covariance within each study.

    Adjusted ratios are printed each with its standard error, never with their covariance, though all of a study share the
    participants of its reference dose. Greenland and Longnecker's counts are those with the study's margins whose crude ratios
    are the adjusted ones; their correlations are taken for those of the adjusted ratios, whose standard errors stay as printed.
    R's dosresmeta 2.2.0 takes those of risk ratios as of rates, which differs by a few thousandths.

    Parameters
    ----------
    table : DataFrame, mapping of columns, or path of a CSV file
        One row for each dose of each study, with columns ``study``, ``dose``, ``y`` (the adjusted log ratio) and ``se``,
        ``cases``, ``n`` (participants; of rates, person-time), and, unless `design` says it for all, ``design``. The row of the
        reference dose has y = 0, and no se or 0.
    design : {"case_control", "cohort", "rate"}, optional
        Odds ratios of cases and controls, risk ratios in cohorts, or rate ratios over person-time.

    Returns
    -------
    Estimates
        One row for each dose but the reference, with covariates ``trial``, ``dose`` and ``reference_dose``; the measure is stated
        where all studies have one design.

    Raises
    ------
    DataError
        If a row cannot be right, a study has not one reference row, or no counts give its ratios.

    References
    ----------
    Greenland and Longnecker (1992), Am. J. Epidemiol. 135:1301-1309, doi:10.1093/oxfordjournals.aje.a116237
    Orsini, Li, Wolk, Khudyakov and Spiegelman (2012), Am. J. Epidemiol. 175:66-73, doi:10.1093/aje/kwr265

    Examples
    --------
    >>> columns = {
    ...     "study": ["A", "A", "A"], "dose": [0, 5, 20], "y": [0, 0.2, 0.5], "se": ["", 0.15, 0.2], "cases": [100, 90, 40],
    ...     "n": [1000, 800, 300],
    ... }
    >>> data = adjusted_ratios(columns, "cohort")
    >>> data.cov.round(4)
    array([[0.0225, 0.0125],
           [0.0125, 0.04  ]])
    """
    opened = open_table(table, "table of adjusted ratios")
    opened.require("study", "dose", "y", "se", "cases", "n", *([] if design else ["design"]))
    studies: dict[str, list[int]] = {}
    for i, label in enumerate(opened.texts("study")):
        studies.setdefault(label, []).append(i)
    blocks = [_block(opened.take(rows), label, design) for label, rows in studies.items()]
    kept = [(label, dose, reference) for (label, doses, _, _, reference, _) in blocks for dose in doses]
    designs = {block[-1] for block in blocks}
    return Estimates(
        np.concatenate([block[2] for block in blocks]),
        study=[f"{label}: {dose:g}" for label, dose, _ in kept],
        covariates={
            TRIAL: [label for label, _, _ in kept],
            "dose": [dose for _, dose, _ in kept],
            "reference_dose": [reference for _, _, reference in kept],
        },
        cov=block_diag(*[block[3] for block in blocks]),
        measure=DESIGNS[designs.pop()] if len(designs) == 1 else None,
    )


def _block(rows: Table, study: str, design: str | None) -> tuple[str, list[float], Floats, Floats, float, str]:
    """One study: its label, doses, log ratios and their covariance, its reference dose, and its design."""
    dose, y, se = rows.numbers("dose"), rows.numbers("y"), np.nan_to_num(rows.numbers_or_nan("se"))
    cases, n = rows.numbers("cases"), rows.numbers("n")
    kind = _design(rows, study, design)
    place = f"{rows.source} (study {study!r})"
    references = np.flatnonzero(se == 0)
    if references.size != 1 or y[references[0]] != 0:
        raise DataError(
            f"{place}: {references.size} rows without a standard error; its reference dose is one row with y = 0 and no se, and "
            "each other row has an se."
        )
    if len(rows) < 2:
        raise DataError(
            f"{place}: the reference dose alone says nothing. Give a row for each other dose, or leave it out."
        )
    for i in range(len(rows)):
        if se[i] < 0:
            raise DataError(f"{rows.where(i, 'se', study)}: a standard error is positive; got {se[i]:g}.")
        if not cases[i] > 0 or (kind != "rate" and cases[i] >= n[i]) or not n[i] > 0:
            raise DataError(
                f"{rows.where(i, 'cases', study)}: cases must be above zero and below n; got {cases[i]:g} of {n[i]:g}. Doses "
                "without a case have no adjusted ratio: put them together with others."
            )
    order = np.append(references, np.delete(np.arange(len(rows)), references))
    shared, own = _variances(y[order], cases[order].sum(), cases[order], n[order], kind, place)
    rest = order[1:]
    total = shared + own
    correlation = np.where(np.eye(rest.size) > 0, 1.0, shared / np.sqrt(np.outer(total, total)))
    return study, dose[rest].tolist(), y[rest], correlation * np.outer(se[rest], se[rest]), float(dose[order[0]]), kind


def _design(rows: Table, study: str, design: str | None) -> str:
    """The design of a study, the same in all of its rows."""
    said = {design} if design else set(rows.texts("design"))
    kind = str(next(iter(said)))
    if len(said) > 1 or kind not in DESIGNS:
        raise DataError(
            f"{rows.source} (study {study!r}): design is {' and '.join(sorted(map(str, said)))}; it is one of "
            f"{', '.join(DESIGNS)}.{did_you_mean(kind, DESIGNS)}"
        )
    return kind


def _variances(y: Floats, total: float, cases: Floats, n: Floats, kind: str, place: str) -> tuple[float, Floats]:
    """Variance that the reference dose, the first row, gives to each crude log ratio of the pseudo-counts, and their own ones."""
    if kind == "case_control":
        pseudo = _pseudo_cases(y, cases, n)
        each = 1 / pseudo + 1 / (n - pseudo)
    else:
        pseudo = n * np.exp(y)
        pseudo *= total / pseudo.sum()
        each = 1 / pseudo - (1 / n if kind == "cohort" else 0.0)
    if not (np.isfinite(each) & (each > 0)).all():
        raise DataError(
            f"{place}: no counts of cases with these margins have these ratios: {pseudo.max():.3g} cases would be needed at "
            f"a dose with n = {n[pseudo.argmax()]:g}. Look up cases, n and the ratios, which are on the log scale."
        )
    return float(each[0]), each[1:]


def _pseudo_cases(y: Floats, cases: Floats, n: Floats) -> Floats:
    """Cases with the sum of those observed whose odds ratios are exp(y): Newton's method, within the margins."""
    pseudo = cases.astype(float)
    for _ in range(_ROUNDS):
        logit = np.log(pseudo / (n - pseudo))
        miss = logit[1:] - logit[0] - y[1:]
        if np.abs(miss).max() < _CLOSE:
            break
        slope = 1 / pseudo + 1 / (n - pseudo)
        step = -np.linalg.solve(np.diag(slope[1:]) + slope[0], miss)
        change, size = np.append(-step.sum(), step), 1.0
        while not ((pseudo + size * change > 0) & (pseudo + size * change < n)).all():
            size /= 2
        pseudo = pseudo + min(size, 1.0) * (0.9 if size < 1 else 1.0) * change
    return pseudo
