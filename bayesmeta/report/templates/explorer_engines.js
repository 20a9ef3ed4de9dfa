// One interface to what is exact and to weighted draws: priors in, marginals out.

// Each marginal has mean, sd, quantile(q), below(x) and pdf(x).
function engineOf(model) {
  return model.kind === "exact" ? exactEngine(model) : drawsEngine(model);
}

function exactEngine(model) {
  const names = model.coefficients, problem = prepared(model);
  const unit = (name) => names.map((other) => Number(other === (name === "theta_new" ? "mu" : name)));
  const marginal = (result, name) => {
    if (name === "tau") return scaleMarginal(result);
    const x = mixture(result, unit(name), name === "theta_new"), { mean, sd } = momentsOf(x);
    const drawn = rough(x);
    return {
      mean: x.moments >= 1 ? mean : NaN, sd: x.moments >= 2 ? sd : Infinity,
      quantile: (q) => mixtureQuantile(x, q, drawn), below: (at) => mixtureCdf(x, at), pdf: (at) => mixturePdf(drawn, at), about: (q) => roughQuantile(drawn, q),
    };
  };
  const solve = (priors, nodes) => {
    const result = fit(problem, names.map((name) => priors[name]), priors.tau, nodes);
    return result && { trusted: true, how: "by quadrature", marginal: (name) => marginal(result, name) };
  };
  return { solve, spread: Math.sqrt(problem.reference), slow: names.some((name) => model.priors[name].rule) };
}

function drawsEngine(model) {
  const n = model.draws[model.coefficients[0]].length, tau = model.draws.tau;
  const solve = (priors) => {
    const weighting = reweighted(model, model.priors, priors), { weight, k, effective } = weighting;
    const stated = Object.keys(model.priors).every((name) => model.priors[name].text === priors[name].text);
    const left = `${count(Math.floor(effective))} effective, Pareto k ${Number.isFinite(k) ? written(k, 2) : "infinite"}`;
    const how = stated ? `from ${count(n)} draws of the analysis` : `from ${count(n)} draws, weighted to these priors: ${left}`;
    return { ...weighting, how, marginal: weight && ((name) => drawsMarginal(model, weight, name)) };
  };
  return { solve, spread: weightedSummary(tau, tau.map(() => 1 / n)).quantile(0.5), slow: n > 500 };
}

// Draws; those of a new study's effect are normal around each draw of mu, and integrated.
function drawsMarginal(model, weight, name) {
  if (name === "theta_new") {
    const x = { weight: Array.from(weight), mean: model.draws.mu, sd: model.draws.tau.map((t) => Math.max(t, 1e-12)) };
    return { ...momentsOf(x), about: (q) => mixtureQuantile(x, q), quantile: (q) => mixtureQuantile(x, q), below: (at) => mixtureCdf(x, at), pdf: (at) => mixturePdf(x, at) };
  }
  const values = model.draws[name], summary = weightedSummary(values, weight);
  const below = (at) => values.reduce((sum, x, i) => sum + (x < at ? weight[i] : 0), 0);
  const error = (at) => {
    const p = below(at), square = values.reduce((sum, x, i) => sum + (weight[i] * ((x < at ? 1 : 0) - p)) ** 2, 0);
    return Math.sqrt(square / model.efficiency);
  };
  return { ...summary, about: summary.quantile, below, error, pdf: weightedDensity(values, weight, summary, name === "tau" ? 0 : -Infinity) };
}

function count(n) {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ",");
}
