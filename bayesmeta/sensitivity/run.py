"""All combinations of one call of `prior_sensitivity`: by tables of the likelihood, and by fits where these do not suffice."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.estimates import Estimates
from bayesmeta.errors import ImproperPosteriorError
from bayesmeta.families.prepared import prepare, tau_prior
from bayesmeta.priors import Flat, Prior
from bayesmeta.quadrature.coefficients import Piece, pieces
from bayesmeta.quadrature.setting import Setting
from bayesmeta.results.exact_claims import compile_claim
from bayesmeta.results.fit import fit_many, warn_inaccurate
from bayesmeta.results.quadrature_result import QuadratureResult
from bayesmeta.sensitivity.cells import Cells, reweigh
from bayesmeta.sensitivity.divergence import coefficient_terms, differing, divergence, expected_log_prior, singular
from bayesmeta.sensitivity.quantity import quantity_of
from bayesmeta.sensitivity.result import SensitivityResult
from bayesmeta.sensitivity.rules import log_ratios, plans
from bayesmeta.sensitivity.tabulate import tabulate
from bayesmeta.sensitivity.varied import Key, label_of
from bayesmeta.spec.normal_normal import NormalNormal
from bayesmeta.spec.two_scales import Model

Floats = NDArray[np.float64]
_NODES = (256, 512, 1024)  # on a rule; a prior that needs more is fitted on its own
_PRIORS = 2048  # on tau that are reweighed at a time
_LARGEST = 60_000  # components times nodes of a table; what needs more is fitted on its own


class Run:
    """One call: what is common to all combinations, and the arrays that they fill."""

    def __init__(
        self,
        data: Estimates,
        model: Model,
        claims: tuple[str, ...],
        varied: dict[Key, tuple[Prior, ...]],
        ci_prob: float,
        tolerance: float,
        primary: QuadratureResult,
    ) -> None:
        self.data, self.model, self.claims, self.varied = data, model, claims, varied
        self.ci_prob, self.tolerance, self.primary = ci_prob, tolerance, primary
        self.base = model.base
        self.names = primary.fit.names
        self.ready, self.of_base = prepare(data, model), prepare(data, self.base)
        self.columns = self.ready.design.columns
        self.levels = np.array([(1 - ci_prob) / 2, (1 + ci_prob) / 2])
        named = [primary.prepared.named(text) for text in claims]
        compiled = [compile_claim(text, names, self.names) for text, names in zip(claims, named, strict=True)]
        self.compiled = [claim for claim in compiled if claim is not None and claim.always_defined]
        self.exact = len(self.compiled) == len(claims) and primary.fit.problem.second is None
        self.quantity = quantity_of(claims[0], named[0], self.names)
        self.tau_priors = tuple(varied.get("tau", (self.base.tau,)))
        self.keys: tuple[Key, ...] = tuple(key for key in varied if key != "tau")
        self.combinations = list(itertools.product(*(varied[key] for key in self.keys)))
        self.tau0 = primary.fit.problem.priors["tau"]
        self.terms0 = primary.fit.problem.coefficient_priors
        shape = (len(self.combinations), len(self.tau_priors))
        self.arrays = {
            name: np.full(shape, np.nan)
            for name in ("mean", "sd", "lower", "upper", "log_evidence", "kl", "kl_reverse", "error")
        }
        self.probability = np.full((*shape, len(claims)), np.nan)
        self.mcse = np.zeros(self.probability.shape)

    def result(self) -> SensitivityResult:
        """Fill the arrays, and return them in the order of the dimensions."""
        if self.exact:
            self._by_tables()
        else:
            for at in np.ndindex(*self.probability.shape[:2]):
                self._by_fit(*at)
        warn_inaccurate(float(self.arrays["error"].max()), self.tolerance)
        return self._collected()

    def _by_tables(self) -> None:
        ready = Setting(self.primary.fit.problem)
        self.resolved = [tau_prior(self.data, replace(self.base, tau=prior)) for prior in self.tau_priors]
        self.plans = plans(self.resolved)
        self.centre = 0.5 * float(
            np.mean(np.log(ready.rotation.a / np.where(ready.rotation.d > 0, ready.rotation.d, 1)))
        )
        self.rules = {(p, n): (plan.rules(self.centre, n)) for p, plan in enumerate(self.plans) for n in _NODES[:1]}
        self.singular_tau = [singular(prior, self.tau0) for prior in self.resolved]
        self.reverse_tau = np.array(
            [
                math.inf if singular(self.tau0, prior) else self._gain(prior) if prior != self.tau0 else 0.0
                for prior in self.resolved
            ]
        )
        self.masses = {
            (p, n): (
                plan.log_masses(self.rules[p, n], range(len(plan.members))),
                self._ratios(plan, self.rules[p, n], range(len(plan.members))),
            )
            for p, plan in enumerate(self.plans)
            for n in _NODES[:1]
        }
        self._check_designs()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            inaccurate = [
                at
                for of_row in pool.map(lambda c: self._combination(ready, c), range(len(self.combinations)))
                for at in of_row
            ]
        for at in inaccurate:
            self._by_fit(*at)

    def _gain(self, prior: Prior) -> float:
        """Mean under the primary posterior of the log of its own prior on tau over another."""
        primary, mean = (expected_log_prior(self.primary.fit, {}, p) for p in (self.tau0, prior))
        return primary - mean if math.isfinite(primary) else math.inf

    def _ratios(self, plan: Any, rules: Any, chosen: Sequence[int]) -> Floats:
        ratios = log_ratios(plan, rules, chosen, self.tau0)
        for row, j in enumerate(chosen):
            if plan.priors[j] == self.tau0:
                ratios[row] = 0.0
        return ratios

    def _check_designs(self) -> None:
        """Reject flat priors on coefficients that cannot be told apart; once for each pattern of flat priors."""
        seen = set()
        for combination in self.combinations:
            pattern = tuple(prior == Flat() for prior in combination)
            if pattern not in seen:
                seen.add(pattern)
                _ = prepare(self.data, self._model(combination)).design

    def _model(self, combination: Sequence[Prior]) -> NormalNormal:
        return self.of_base.with_priors(dict(zip(self.keys, combination, strict=True)))

    def _combination(self, ready: Setting, c: int) -> list[tuple[int, int]]:
        """Fill the row of one prior on the coefficients; return the places that a table is not accurate for."""
        model = self._model(self.combinations[c])
        all_terms = coefficient_terms(self.names, self.columns, model)
        terms = differing(all_terms, self.terms0)
        impossible = any(singular(terms[0][key], terms[1][key]) for key in terms[0] if key in terms[1])
        reverse = self._reverse(terms)
        prior_pieces = pieces(self.names, all_terms, cut=True)
        if any(piece.cut is not None for piece in prior_pieces):  # a table is of normals
            return [(c, t) for t in range(len(self.tau_priors))]
        inaccurate: list[tuple[int, int]] = []
        for p, plan in enumerate(self.plans):
            wanted = list(range(len(plan.members)))
            for n in _NODES:
                if wanted and (n == _NODES[0] or n * max(len(piece.log_weight) for piece in prior_pieces) <= _LARGEST):
                    wanted = self._attempt(ready, c, p, prior_pieces, wanted, n, terms, impossible, reverse)
            inaccurate += [(c, plan.members[j]) for j in wanted]
        return inaccurate

    def _attempt(
        self,
        ready: Setting,
        c: int,
        p: int,
        prior_pieces: Sequence[Piece],
        wanted: list[int],
        n: int,
        terms: Any,
        impossible: bool,
        reverse: float,
    ) -> list[int]:
        """Tabulate with `n` nodes, fill what is accurate, and return the rest."""
        plan = self.plans[p]
        rules = self.rules.get((p, n)) or plan.rules(self.centre, n)
        table = tabulate(ready, self.primary.fit, prior_pieces, rules, self.compiled, self.quantity, terms)
        heavy = self._heavy(prior_pieces)
        inaccurate: list[int] = []
        for start in range(0, len(wanted), _PRIORS):
            chosen = wanted[start : start + _PRIORS]
            kept = self.masses.get((p, n))
            log_prior, ratio = (
                (kept[0][chosen], kept[1][chosen])
                if kept is not None
                else (plan.log_masses(rules, chosen), self._ratios(plan, rules, chosen))
            )
            cells = reweigh(table, rules, log_prior, ratio, self.quantity, self.levels, heavy=heavy)
            good = cells.error < self.tolerance
            if self.quantity is not None:
                good &= ~np.isnan(cells.lower)
            self._store(c, np.array([plan.members[j] for j in chosen]), cells, good, impossible, reverse)
            inaccurate += [j for j, fine in zip(chosen, good, strict=True) if not fine]
        return inaccurate

    def _heavy(self, prior_pieces: Sequence[Piece]) -> bool:
        if self.quantity is None or self.quantity.contrast is None:
            return False
        if self.quantity.new_study:
            return True
        for piece in prior_pieces:
            for row, column in enumerate(piece.free):
                if self.quantity.contrast[column] and not piece.precision[:, row, row].any():
                    return True
        return False

    def _reverse(self, terms: Any) -> float:
        """Mean under the primary posterior of the log of its own priors on the coefficients over others."""
        if any(singular(terms[1][key], terms[0][key]) for key in terms[1] if key in terms[0]):
            return math.inf
        if not terms[0] and not terms[1]:
            return 0.0
        primary, changed = (expected_log_prior(self.primary.fit, part, None) for part in (terms[1], terms[0]))
        return primary - changed if math.isfinite(primary) else math.inf

    def _store(self, c: int, at: NDArray[np.intp], cells: Cells, good: Any, impossible: bool, reverse: float) -> None:
        rows = at[good]
        for name in ("mean", "sd", "lower", "upper", "log_evidence", "error"):
            self.arrays[name][c, rows] = getattr(cells, name)[good]
        self.probability[c, rows] = cells.probability[good]
        log_factor = cells.log_evidence[good] - self.primary.fit.log_evidence
        kl = np.maximum(cells.log_ratio[good] - log_factor, 0.0)
        no_share = np.array([self.singular_tau[j] for j in rows], dtype=bool)
        self.arrays["kl"][c, rows] = np.where(no_share | impossible, np.inf, kl)
        self.arrays["kl_reverse"][c, rows] = np.maximum(reverse + self.reverse_tau[rows] + log_factor, 0.0)

    def _by_fit(self, c: int, t: int) -> None:
        """Fit one combination on its own."""
        chosen = dict(zip(self.keys, self.combinations[c], strict=True)) | (
            {"tau": self.tau_priors[t]} if "tau" in self.varied else {}
        )
        model = self.ready.with_priors(chosen)
        try:
            result = fit_many(self.data, {"model": model}, "quadrature", tolerance=self.tolerance)["model"]
        except ImproperPosteriorError as error:
            words = ", ".join(f"{key if isinstance(key, str) else ', '.join(key)} ~ {p}" for key, p in chosen.items())
            raise ImproperPosteriorError(f"{words}: {error}") from error
        assert isinstance(result, QuadratureResult)
        self.probability[c, t] = [result.probability(text) for text in self.claims]
        self.mcse[c, t] = [result.probability_mcse(text) for text in self.claims]
        if self.quantity is not None:
            marginal = result.marginal(self.quantity.name)
            lower, upper = np.asarray(marginal.ppf(self.levels))
            numbers = {"mean": marginal.mean(), "sd": marginal.sd(), "lower": lower, "upper": upper}
            for name, value in numbers.items():
                self.arrays[name][c, t] = value
        self.arrays["log_evidence"][c, t] = result.fit.log_evidence
        self.arrays["error"][c, t] = result.fit.error
        self.arrays["kl"][c, t] = divergence(result.fit, self.primary.fit)
        self.arrays["kl_reverse"][c, t] = divergence(self.primary.fit, result.fit)

    def _collected(self) -> SensitivityResult:
        """The arrays with one axis for each parameter that varies, in the order given."""
        keys = list(self.varied)
        sizes = [len(self.varied[key]) for key in self.keys]

        def turned(x: Floats) -> Floats:
            full = x.reshape(*sizes, len(self.tau_priors), *x.shape[2:])
            if "tau" not in keys:
                return full.reshape(*sizes, *x.shape[2:])
            order = [self.keys.index(key) if key != "tau" else len(sizes) for key in keys]
            return np.ascontiguousarray(np.transpose(full, [*order, *range(len(keys), full.ndim)]))

        arrays = {name: turned(x) for name, x in self.arrays.items()}
        log_evidence = arrays.pop("log_evidence")
        comparable, proper = self._proper(keys)
        arrays["log_marginal_likelihood"] = np.where(proper, log_evidence, np.nan)
        arrays["log_bayes_factor"] = np.where(comparable, log_evidence - self.primary.fit.log_evidence, np.nan)
        with np.errstate(over="ignore"):  # infinite beyond floats, where the logarithm is not
            arrays["bayes_factor"] = np.exp(arrays["log_bayes_factor"])
        arrays["error_bound"] = arrays.pop("error")
        return SensitivityResult(
            data=self.data,
            model=self.model,
            claims=self.claims,
            quantity=None if self.quantity is None else self.quantity.name,
            ci_prob=self.ci_prob,
            tolerance=self.tolerance,
            priors={label_of(key): priors for key, priors in self.varied.items()},
            keys=tuple(keys),
            probability=turned(self.probability),
            mcse=turned(self.mcse),
            arrays=arrays,
            method=np.full(self.probability.shape[:2], "exact", dtype=object).reshape(arrays["kl"].shape),
            primary=self._primary(),
        )

    def _proper(self, keys: Sequence[Key]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """For each combination, whether its evidence compares with the primary one, and whether it means something alone."""
        comparable = proper = np.array(self._rest_is_proper(keys))
        comparable = np.array(True)
        for axis, key in enumerate(keys):
            shape = [1] * len(keys)
            shape[axis] = -1
            primary = self._primary_prior(key)
            row = np.array([prior.is_proper for prior in self.varied[key]])
            same = np.array([prior == primary for prior in self.varied[key]])
            proper = proper & row.reshape(shape)
            comparable = comparable & ((row & (primary is not None and primary.is_proper)) | same).reshape(shape)
        return comparable, proper

    def _rest_is_proper(self, keys: Sequence[Key]) -> bool:
        constant = [prior for key, prior in self.terms0.items() if not self._covered(key, keys)]
        constant += [] if "tau" in keys else [self.base.tau]
        return all(prior.is_proper for prior in constant)

    def _covered(self, group: tuple[str, ...], keys: Sequence[Key]) -> bool:
        return any(
            key == group or (len(group) == 1 and (key == group[0] or key == self.columns.get(group[0]))) for key in keys
        )

    def _primary_prior(self, key: Key) -> Prior | None:
        if key == "tau":
            return self.base.tau
        if key == "mu":
            return self.base.mu
        beta: Mapping[Any, Prior] = self.base.beta
        prior = beta.get(key)
        return prior if prior is not None else Flat()

    def _primary(self) -> dict[str, float]:
        numbers = {f"P({text})": self.primary.probability(text) for text in self.claims}
        if self.quantity is not None:
            marginal = self.primary.marginal(self.quantity.name)
            lower, upper = np.asarray(marginal.ppf(self.levels))
            numbers |= {"mean": marginal.mean(), "sd": marginal.sd(), "lower": float(lower), "upper": float(upper)}
        return numbers
