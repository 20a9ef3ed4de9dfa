// Draws of a posterior under other priors: Pareto-smoothed importance weights, as bayesmeta/diagnostics/weights.py has them.
// Vehtari et al. (2024), J. Mach. Learn. Res. 25(72):1-58, doi:10.48550/arXiv.1507.02646

const FEWEST = 100;  // effective draws
const K_LIMIT = 0.7;

// Largest Pareto k at which that many effective draws give a usable estimate.
function kLimit(effective) {
  return Math.min(1 - 1 / Math.log10(Math.max(effective, 11)), K_LIMIT);
}

// Shape and scale of a generalised Pareto distribution for sorted excesses (Zhang and Stephens 2009, with a prior on the shape).
function paretoFit(x) {
  const n = x.length, m = 30 + Math.floor(Math.sqrt(n)), quartile = x[Math.floor(n / 4 + 0.5) - 1];
  if (!(quartile > x[0])) return { k: NaN, sigma: NaN };
  const shape = (b) => x.reduce((sum, one) => sum + Math.log1p(-b * one), 0) / n;
  const b = Array.from({ length: m }, (_, i) => (1 - Math.sqrt(m / (i + 0.5))) / (3 * quartile) + 1 / x[n - 1]);
  const size = b.map((one) => { const k = shape(one); return n * (Math.log(-one / k) - k - 1); });
  const total = logSumExp(size), weight = size.map((one) => Math.exp(one - total)).map((w) => (w >= 10 * Number.EPSILON ? w : 0));
  const sum = weight.reduce((s, w) => s + w, 0), at = b.reduce((s, one, i) => s + one * weight[i], 0) / sum, k = shape(at);
  return { k: (n * k + 5) / (n + 10), sigma: -k / at };
}

// Normalised weights from log ratios of the priors, and Pareto k.
function smoothedWeights(logRatio, efficiency) {
  const n = logRatio.length, top = Math.max(...logRatio), log = Float64Array.from(logRatio, (x) => x - top);
  if (top - Math.min(...logRatio) < 1e-12) return { weight: new Float64Array(n).fill(1 / n), k: 0 };
  const tail = Math.floor(n * efficiency > 225 ? 3 * Math.sqrt(n / efficiency) : n / 5);
  const order = Array.from(log.keys()).sort((i, j) => log[i] - log[j]), ends = order.slice(n - tail);
  const cutoff = Math.exp(log[order[n - tail - 1]]);
  const { k, sigma } = log[ends[0]] < 0 && tail >= 5 ? paretoFit(ends.map((i) => Math.exp(log[i]) - cutoff)) : { k: NaN, sigma: NaN };
  if (!Number.isFinite(k)) return { weight: null, k: Infinity };
  ends.forEach((i, j) => {
    const quantile = -Math.log1p(-(j + 0.5) / tail);
    log[i] = Math.min(Math.log(cutoff + (k === 0 ? sigma * quantile : (sigma * Math.expm1(k * quantile)) / k)), 0);
  });
  const total = logSumExp(log);
  return { weight: log.map((x) => Math.exp(x - total)), k };
}

// The draws weighted to other priors; both are by parameter, and those that are equal cancel.
function reweighted(data, stated, now) {
  const n = data.draws[Object.keys(data.draws)[0]].length, ratio = new Float64Array(n);
  for (const name of Object.keys(now)) {
    if (now[name].text === stated[name].text) continue;
    const [ours, theirs] = [now[name], stated[name]].map((prior) => (name === "tau" ? scaleDensity(prior).logPdf : (x) => logPdfOf(prior, x)));
    const values = data.draws[name];
    for (let i = 0; i < n; i++) ratio[i] += ours(values[i]) - theirs(values[i]);
  }
  const { weight, k } = ratio.some((x) => x > -Infinity) ? smoothedWeights(ratio, data.efficiency) : { weight: null, k: Infinity };
  const effective = weight ? data.efficiency / weight.reduce((sum, w) => sum + w * w, 0) : 0;
  const limit = kLimit(data.efficiency * n);
  return { weight, k, effective, limit, trusted: k <= limit && effective >= FEWEST };
}

// Summaries of weighted values.
function weightedSummary(values, weight) {
  const order = Array.from(values.keys()).sort((i, j) => values[i] - values[j]);
  let mean = 0, square = 0;
  values.forEach((x, i) => { mean += weight[i] * x; });
  values.forEach((x, i) => { square += weight[i] * (x - mean) ** 2; });
  const quantile = (q) => {  // of the middles of the draws' shares, joined by lines
    let below = 0, before = null;
    for (const i of order) {
      const middle = below + 0.5 * weight[i];
      if (middle >= q) return before === null ? values[i] : before[1] + ((values[i] - before[1]) * (q - before[0])) / (middle - before[0]);
      before = [middle, values[i]];
      below += weight[i];
    }
    return before[1];
  };
  return { mean, sd: Math.sqrt(square), quantile };
}

// A kernel density of weighted values, reflected at a lower end of the support.
function weightedDensity(values, weight, summary, lower = -Infinity) {
  const spread = Math.min(summary.sd, (summary.quantile(0.75) - summary.quantile(0.25)) / 1.349);
  const effective = 1 / weight.reduce((sum, w) => sum + w * w, 0), h = 0.9 * spread * effective ** -0.2 || 1e-9;
  return (x) => {
    if (x < lower) return 0;
    let sum = 0;
    for (let i = 0; i < values.length; i++) {
      const z = (x - values[i]) / h, reflected = lower > -Infinity ? (x + values[i] - 2 * lower) / h : Infinity;
      if (Math.abs(z) < 6) sum += weight[i] * normalPdf(z);
      if (Math.abs(reflected) < 6) sum += weight[i] * normalPdf(reflected);
    }
    return sum / h;
  };
}
