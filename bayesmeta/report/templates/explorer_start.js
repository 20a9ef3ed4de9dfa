// What tests and other pages may call, and the panels of this page.

// Numbers of one fit: of each quantity mean, sd, quantiles and the probability of lying below a threshold.
function solvedNumbers(model, priors, quantities, levels, threshold) {
  const solved = engineOf(model).solve(priors);
  return Object.fromEntries(quantities.map((name) => {
    const marginal = solved.marginal(name);
    return [name, { mean: marginal.mean, sd: marginal.sd, quantiles: levels.map(marginal.quantile), below: marginal.below ? marginal.below(threshold) : null }];
  }));
}

const families = { scales: Object.keys(SCALE_FAMILIES), locations: ["Normal", "StudentT", "Cauchy", "Flat"] };
globalThis.bayesmetaExplorer = { families, solvedNumbers, reweighted, scaleDensity, logPdfOf, withScale, withPlace, erfc, logGamma };

function openPanels() {
  document.querySelectorAll(".bm-explorer:not([data-open])").forEach((root) => { root.dataset.open = ""; panel(root); });
}
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", openPanels); else openPanels();
