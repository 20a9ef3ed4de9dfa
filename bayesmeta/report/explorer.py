"""The explorer: priors on sliders, and the posterior that follows them, in a page that needs neither server nor network."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from bayesmeta.data.files import write_file
from bayesmeta.effects.display import Display, is_value
from bayesmeta.errors import SpecificationError
from bayesmeta.results.claims import check_claim
from bayesmeta.results.intervals import checked_probability
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.sensitivity.explorer_numbers import explorer_numbers, standard_rule
from bayesmeta.text.plain_text import visible

SCRIPTS = (
    "numbers", "priors", "least_squares", "coefficients", "locate", "quadrature", "mixture", "scale", "draws", "engines",
    "picture", "controls", "families", "tipping", "words", "panel", "start",
)  # fmt: skip
_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_CLAIM = re.compile(rf"\s*(.+?)\s*([<>])\s*([-+]?)\s*(?:({_NUMBER})|log\(\s*({_NUMBER})\s*\))\s*")
LEVEL = 0.95  # of a probability, whose crossing is looked for
_NO_SCRIPT = (
    "The explorer computes in your browser, with JavaScript, which is switched off. Without it the numbers are those under the "
    "analysis’s own priors."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explorer:
    """An interactive page about one fit: shown in a notebook as it is, or written to a file.

    Attributes
    ----------
    title : str
    panel : str
        HTML of the panel, without scripts and styles.
    """

    title: str
    panel: str

    def html(self) -> str:
        """The page, one file that loads nothing."""
        script, style = explorer_script(), explorer_style()
        page_style = _PAGE_STYLE + style
        policy = (
            f"default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; script-src {_digest(script)}; "
            f"style-src {_digest(page_style)}"
        )
        title = escape(visible(self.title))
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n<link rel="icon" href="data:,">\n'
            f"<title>{title}</title>\n<style>{page_style}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{self.panel}\n</main>\n"
            f"<script>{script}</script>\n</body>\n</html>\n"
        )

    def save(self, path: str | Path) -> None:
        """Write the page.

        Raises
        ------
        SpecificationError
            If the file does not end in ``.html``.
        DataError
            If it cannot be written.
        """
        if Path(path).suffix.lower() not in (".html", ".htm"):
            raise SpecificationError(f"{path}: the explorer is a page; give a file that ends in .html.")
        write_file(path, self.html().encode())

    def _repr_html_(self) -> str:
        """The page in a frame of its own, whose scripts see nothing of the notebook."""
        page = escape(self.html(), quote=True)
        return (
            f'<iframe title="{escape(visible(self.title), quote=True)}" sandbox="allow-scripts" '
            f'style="width: 100%; height: 56rem; border: 0" srcdoc="{page}"></iframe>'
        )

    def __repr__(self) -> str:
        return f"Explorer({self.title!r}): .save('explorer.html') writes the page"


def explorer(
    result: MetaResult,
    claim: str | None = None,
    *,
    level: float = LEVEL,
    title: str | None = None,
    unit: str = "",
    benefit: str | None = None,
    ci_prob: float = 0.95,
    draws: int = 2000,
) -> Explorer:
    """A page with sliders for the priors of a fit and for a claim; posterior, probability and tipping point follow them.

    Where the model is normal given tau the page computes the posterior anew by quadrature, as exactly as `fit`. Elsewhere it
    weights draws of the fit to the other priors, and greys out what too few effective draws are left for.

    Parameters
    ----------
    result : MetaResult
    claim : str, optional
        What the probability is of at first, ``"mu < 0"``: a parameter, a coefficient or ``theta_new``, compared with a number.
    level : float
        Probability whose crossing is looked for along the scale of the prior on tau.
    title : str, optional
        Of the page.
    unit : str, optional
        Of the effects, such as ``"points on 0-10"``.
    benefit : {"lower", "higher"}, optional
        Which effects favour the treatment.
    ci_prob : float
        Probability of the intervals.
    draws : int
        In the page at the most, where it weights draws.

    Returns
    -------
    Explorer
        Shown in a notebook as it is; ``.save("explorer.html")`` writes the page.

    Raises
    ------
    SpecificationError
        If the claim does not compare a parameter of the model with a number, or the model has no prior that the page knows.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> result = bm.fit(bm.load_dataset("bcg"), bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5)))
    >>> bm.explorer(result, "mu < 0")
    Explorer('Priors and posterior: risk ratio, 13 studies'): .save('explorer.html') writes the page
    """
    checked_probability(ci_prob)
    if not 0 < level < 1:
        raise SpecificationError(f"level={level!r}: must lie between 0 and 1, e.g. 0.95.")
    if benefit not in (None, "lower", "higher"):
        raise SpecificationError(f"benefit={benefit!r}: choose one of 'lower', 'higher'.")
    numbers = explorer_numbers(result, draws)
    if numbers is None:
        raise SpecificationError(
            "the explorer has no slider for this model: none of its priors is of a family that the page knows."
        )
    first = _claim_of(result, claim, numbers, benefit) | {"level": level}
    if numbers["kind"] == "draws":
        first["probability"] = result.probability(
            f"{first['quantity']} {'<' if first['below'] else '>'} {first['threshold']}"
        )
    counted = result.prepared.family.counted(result.data)
    display = result.display
    about = title or f"Priors and posterior: {display.label}, {counted}"
    notes = " ".join(result.prepared.family.notes(result.data, result.model, 'between=MultiArm("trial")'))
    labels = result.prepared.labels
    model = {
        "label": "",
        **numbers,
        "claim": first,
        "note": notes,
        **coefficient_words(numbers["coefficients"], labels),
    }
    return Explorer(
        title=about, panel=panel_html([model], display, unit=unit, benefit=benefit, ci_prob=ci_prob, label=about)
    )


def _claim_of(result: MetaResult, claim: str | None, numbers: Mapping[str, Any], benefit: str | None) -> dict[str, Any]:
    """The claim to begin with, in parts."""
    if claim is None:
        return default_claim(numbers, benefit)
    check_claim(claim, result.parameters)
    allowed = [*numbers["coefficients"], *(["theta_new"] if "mu" in numbers["coefficients"] else [])]
    parts = claim_parts(claim, allowed)
    if parts is None:
        raise SpecificationError(
            f"claim {claim!r}: the explorer compares {', '.join(allowed)} with a number, e.g. '{allowed[0]} < 0'."
        )
    return parts


def claim_parts(claim: str, names: Iterable[str]) -> dict[str, Any] | None:
    """A claim in parts, where it compares one of `names` with a number, or the logarithm of one.

    Examples
    --------
    >>> claim_parts("crps < -1", ["mu", "crps"]), claim_parts("mu + crps < 0", ["mu", "crps"])
    ({'quantity': 'crps', 'below': True, 'threshold': -1.0}, None)
    >>> claim_parts("mu < log(0.8)", ["mu"])["threshold"]
    -0.2231435513142097
    """
    match = _CLAIM.fullmatch(claim)
    if match is None or match[1] not in names:
        return None
    if match[5] and not float(match[5]) > 0:
        return None
    size = float(match[4]) if match[4] else math.log(float(match[5]))
    return {"quantity": match[1], "below": match[2] == "<", "threshold": -size if match[3] == "-" else size}


def coefficient_words(coefficients: Sequence[str], labels: Mapping[str, str]) -> dict[str, Any]:
    """Words for the coefficients, and which of them are values of the measure, as the mean effect is.

    Examples
    --------
    >>> coefficient_words(["region[a]"], {"region[a]": "region: a", "tau": "SD between studies"})
    {'labels': {'region[a]': 'region: a'}, 'values': ['region[a]']}
    """
    names = [name for name in coefficients if name != "mu"]
    values = [name for name in names if is_value(name, names, "mu" in coefficients)]
    return {"labels": {name: labels.get(name, name) for name in names}, "values": values}


def default_claim(numbers: Mapping[str, Any], benefit: str | None) -> dict[str, Any]:
    """That the mean effect, or the first coefficient, is below zero, or above it where higher values are better."""
    return {"quantity": numbers["coefficients"][0], "below": benefit != "higher", "threshold": 0.0}


def panel_html(
    models: Sequence[Mapping[str, Any]],
    display: Display,
    *,
    unit: str,
    benefit: str | None,
    ci_prob: float,
    label: str,
) -> str:
    """HTML of a panel: its numbers, which the script of the page makes sliders and pictures of."""
    content = {
        "label": display.label,
        "analysis": display.analysis,
        "scale": display.scale,
        "contrast": display.contrast or "",
        "unit": unit,
        "benefit": benefit,
        "ci_prob": ci_prob,
        "models": [_with_rules(model) for model in models],
    }
    text = json.dumps(_shown(content), allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    name = escape(visible(label), quote=True)
    return (
        f'<section class="bm-explorer" aria-label="{name}">\n<noscript><p>{_NO_SCRIPT}</p></noscript>\n'
        f'<script type="application/json">{text}</script>\n</section>'
    )


def _with_rules(model: Mapping[str, Any]) -> dict[str, Any]:
    """A model whose t priors come with the normal components that the page integrates them with."""
    priors = {
        name: spec | ({"rule": rule} if (rule := standard_rule(spec)) else {}) for name, spec in model["priors"].items()
    }
    return {**model, "priors": priors}


def _shown(value: Any) -> Any:
    """The same with every text as a reader may see it."""
    if isinstance(value, dict):
        return {visible(key): _shown(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_shown(one) for one in value]
    return visible(value) if isinstance(value, str) else value


def panels_with_script(panels: Iterable[str]) -> str:
    """Several panels with the styles and the script that they share; nothing without a panel."""
    shown = "\n".join(panels)
    return f"<style>{explorer_style()}</style>\n{shown}\n<script>{explorer_script()}</script>" if shown else ""


@cache
def explorer_script() -> str:
    """The script of all panels of a page."""
    parts = "\n".join(_template(f"explorer_{name}.js") for name in SCRIPTS)
    return f'\n(() => {{\n"use strict";\n{parts}}})();\n'


@cache
def explorer_style() -> str:
    """The styles of all panels of a page."""
    return "\n" + _template("explorer.css")


def _template(name: str) -> str:
    return files("bayesmeta.report").joinpath("templates", name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """How a policy names a script or a style that may be used."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_PAGE_STYLE = """
:root { color-scheme: light dark; }
body { margin: 0 auto; padding: 1rem 1.25rem 3rem; max-width: 66rem; color: #1b1b1b; background: #fff;
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.4rem; line-height: 1.25; margin: .4rem 0; }
@media (max-width: 40rem) { body { padding: .5rem .6rem 2rem; } h1 { font-size: 1.15rem; } }
@media (prefers-color-scheme: dark) { body { color: #ececec; background: #101214; } }
@media print { body { padding: 0; max-width: none; color: #000; background: #fff; font-size: 10pt; } }
@page { margin: 16mm; }
"""
