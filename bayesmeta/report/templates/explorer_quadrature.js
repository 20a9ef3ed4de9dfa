// Exact posteriors of y ~ N(X beta, a + tau^2 d): the coefficients analytically, tau by the double-exponential rule of
// bayesmeta/quadrature/grid.py, its nodes doubled until nothing changes.

const SCAN = [-14, -11, -8.5, -6, -4.5, -4, -3.5, -3, -2.5, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 6, 9, 12];
const LINE = [-720, 340];      // beyond these tau^2 is no number
const FAR = -1e15;             // where a tail ends that falls as a power of log(tau)
const NEGLIGIBLE = 33;         // nodes end where the integrand is exp(-33) of its largest value
const HALVES = 1e-8;           // largest difference of the two halves of the nodes; the whole rule is off by its square
const MOST_NODES = 8192;
const PROBES = [-2.5, -1, 0, 1, 2.5];
const GAUSS = [[0.1252334085114689, 0.2491470458134028], [0.3678314989981802, 0.2334925365383548], [0.5873179542866175, 0.2031674267230659], [0.7699026741943047, 0.1600783285433462], [0.9041172563704749, 0.1069393259953184], [0.9815606342467192, 0.0471753363865118]];

// Upper triangle of the QR factor of the columns of `rows` (row by row, the last column being y), in place; returns the rest of y.
function triangular(rows, n, p) {
  const m = p + 1;
  for (let j = 0; j < p; j++) {
    let norm = 0;
    for (let i = j; i < n; i++) norm += rows[i * m + j] ** 2;
    norm = Math.sqrt(norm);
    if (norm === 0) continue;
    const head = rows[j * m + j], alpha = head > 0 ? -norm : norm, first = head - alpha, scale = 1 / (alpha * first);
    for (let c = j + 1; c < m; c++) {
      let dot = first * rows[j * m + c];
      for (let i = j + 1; i < n; i++) dot += rows[i * m + j] * rows[i * m + c];
      dot *= scale;
      rows[j * m + c] += dot * first;
      for (let i = j + 1; i < n; i++) rows[i * m + c] += dot * rows[i * m + j];
    }
    rows[j * m + j] = alpha;
    for (let i = j + 1; i < n; i++) rows[i * m + j] = 0;
  }
  let rest = 0;
  for (let i = p; i < n; i++) rest += rows[i * m + p] ** 2;
  return rest;
}

// A problem ready to be solved under any priors; effects are measured from the fitted values of least squares.
function prepared(data) {
  const y = Float64Array.from(data.y), a = Float64Array.from(data.a), d = data.d ? Float64Array.from(data.d) : new Float64Array(y.length).fill(1);
  const p = data.X.length, X = data.X.map((column) => Float64Array.from(column));
  let logs = 0;
  for (let i = 0; i < a.length; i++) logs += Math.log(d[i] > 0 ? a[i] / d[i] : a[i]);
  return { y, a, d, X, p, k: y.length, reference: Math.exp(logs / a.length) };
}

// What the studies say of the coefficients at a tau^2, as p equations, the rest of y and the log determinant.
function reduced(problem, y, tau2) {
  const { k, p, a, d, X } = problem, m = p + 1, n = Math.max(k, p), rows = new Float64Array(n * m);
  let logWeight = 0;
  for (let i = 0; i < k; i++) {
    const w = 1 / (a[i] + tau2 * d[i]), root = Math.sqrt(w);
    logWeight += Math.log(w);
    for (let j = 0; j < p; j++) rows[i * m + j] = root * X[j][i];
    rows[i * m + p] = root * y[i];
  }
  const rest = triangular(rows, n, p);
  return { equations: rows.subarray(0, p * m), rest, logWeight };
}

// The coefficients under one normal component of their prior: factor, right side, log density.
function conditioned(data, prior, p) {
  if (p === 1) {
    const [r, z] = data.equations, [precision] = prior.precision, [mean] = prior.mean, root = Math.sqrt(r * r + precision);
    const gap = (r * mean - z) / root;
    const log = prior.log + 0.5 * (data.logWeight - data.rest - precision * gap * gap) - Math.log(root);
    return { root: [root, (r * z + precision * mean) / root], log };
  }
  const m = p + 1, rows = new Float64Array(2 * p * m);
  rows.set(data.equations);
  for (let j = 0; j < p; j++) {
    const root = Math.sqrt(prior.precision[j]);
    rows[(p + j) * m + j] = root;
    rows[(p + j) * m + p] = root * prior.mean[j];
  }
  const rest = data.rest + triangular(rows, 2 * p, p);
  let log = prior.log + 0.5 * (data.logWeight - rest);
  for (let j = 0; j < p; j++) log -= Math.log(Math.abs(rows[j * m + j]));
  return { root: rows, log };
}

// Mean and variance of a contrast of the coefficients.
function contrastOf(root, p, contrast) {
  if (p === 1) return [(contrast[0] * root[1]) / root[0], (contrast[0] / root[0]) ** 2];
  const m = p + 1, beta = new Float64Array(p), solved = new Float64Array(p);
  let mean = 0, variance = 0;
  for (let i = p - 1; i >= 0; i--) {
    let x = root[i * m + p];
    for (let j = i + 1; j < p; j++) x -= root[i * m + j] * beta[j];
    beta[i] = x / root[i * m + i];
    mean += contrast[i] * beta[i];
  }
  for (let i = 0; i < p; i++) {
    let x = contrast[i];
    for (let j = 0; j < i; j++) x -= root[j * m + i] * solved[j];
    solved[i] = x / root[i * m + i];
    variance += solved[i] * solved[i];
  }
  return [mean, variance];
}

// All combinations of the components of the coefficients' priors, their means measured from `origin`.
function crossed(priors, origin) {
  let all = [{ log: 0, mean: [], precision: [] }];
  priors.forEach((prior, i) => {
    all = all.flatMap((one) => components(prior).map(([weight, mean, precision]) => ({
      log: one.log + Math.log(weight) + (precision > 0 ? 0.5 * Math.log(precision) : 0), mean: [...one.mean, precision > 0 ? mean - origin[i] : 0], precision: [...one.precision, precision],
    })));
  });
  return all;
}

function coefficientsAt(problem, priors, tau2) {
  const data = reduced(problem, problem.y, tau2), p = problem.p;
  const prior = { log: 0, mean: priors.map(locationOf), precision: priors.map((one) => (one.family === "Flat" ? 0 : widthOf(one) ** -2)) };
  const { root } = conditioned(data, prior, p);
  return priors.map((_, i) => contrastOf(root, p, priors.map((__, j) => Number(i === j)))[0]);
}

function centredAt(problem, priors, tau2) {
  const origin = coefficientsAt(problem, priors, tau2);
  const y = problem.y.map((value, i) => value - origin.reduce((sum, b, j) => sum + b * problem.X[j][i], 0));
  return { origin, y, mixture: crossed(priors, origin) };
}

// Posterior under priors on the coefficients, in order, and on tau.
function fit(problem, priors, tauPrior, nodes = 64) {
  const scale = scaleDensity(tauPrior), p = problem.p, flat = priors.filter((one) => one.family === "Flat").length;
  let centred = centredAt(problem, priors, scale.atom === undefined ? problem.reference : scale.atom ** 2);
  const given = (tau) => {
    const data = reduced(problem, centred.y, tau * tau);
    return centred.mixture.map((one) => conditioned(data, one, p));
  };
  const logDensity = (v) => {
    const [tau, logPrior] = scale.at(v);
    return logPrior === -Infinity ? -Infinity : logPrior + logSumExp(given(tau).map((one) => one.log));
  };
  const base = { problem, priors, scale, origin: () => centred.origin, given, logDensity };
  if (scale.atom !== undefined) {
    const each = given(scale.atom);
    return finished({ ...base, moments: 2, nodes: [{ tau: scale.atom, each, log: each.map((one) => one.log) }] });
  }
  const moments = scale.bounded ? 2 : Math.min(Math.max(Math.ceil(scale.tail + problem.k - flat - 1) - 1, 0), 2);
  if (scale.improper && scale.tail + problem.k - flat <= 1) return null;  // no posterior
  const start = scale.inverse(0.5 * Math.log(problem.reference));
  const points = scale.improper ? [] : [-3, -1, 0, 1, 3].map((z) => scale.inverse(scale.middle + z * scale.spread));
  const line = [scale.improper ? LINE[0] : FAR, scale.bounded ? 720 : LINE[1]];
  let found = locate(logDensity, [...SCAN.map((x) => start + x), ...points], line, scale.bounded ? 0 : moments);
  centred = centredAt(problem, priors, scale.at(found.mode)[0] ** 2);
  let result = null, before = Infinity;
  for (let n = Math.max(nodes, found.needed); n <= MOST_NODES; n *= 2) {
    result = finished({ ...base, moments, grid: found, nodes: laid(found, n, scale, given) });
    if (result.halves < HALVES || (n > 500 && result.halves > 0.3 * before)) break;  // or rounding is all that is left
    before = result.halves;
  }
  return result;
}

// Equally spaced nodes in s, v = mode + width sinh(s).
function laid(grid, n, scale, given) {
  const step = (grid.last - grid.first) / (n - 1), nodes = [];
  for (let i = 0; i < n; i++) {
    const s = grid.first + i * step, [tau, logPrior] = scale.at(grid.mode + grid.width * Math.sinh(s));
    if (logPrior === -Infinity) continue;
    const each = given(tau), slope = Math.log(grid.width * Math.cosh(s) * step);
    nodes.push({ tau, each, parity: i % 2, log: each.map((one) => one.log + logPrior + slope) });
  }
  return nodes;
}

// Weights of all nodes and components, and how far the two halves of the nodes differ.
function finished(result) {
  const total = logSumExp(result.nodes.map((node) => logSumExp(node.log)));
  const tau = [], weight = [], root = [], parity = [];
  const middle = result.grid ? Math.max(result.scale.at(result.grid.mode)[0], 1e-150) : 1;
  for (const node of result.nodes) {
    node.each.forEach((one, c) => {
      const w = Math.exp(node.log[c] - total);
      if (w * (1 + (node.tau / middle) ** 2) < 1e-18) return;
      tau.push(node.tau); weight.push(w); root.push(one.root); parity.push(node.parity ? -1 : 1);
    });
  }
  const sum = weight.reduce((x, w) => x + w, 0);
  const out = { ...result, tau, weight: weight.map((w) => w / sum), root, logTotal: total };
  out.halves = result.grid ? halves(out, parity) : 0;
  return out;
}

function halves(result, parity) {
  const { weight, tau, problem: { p } } = result, heavy = [];
  for (let i = 0; i < weight.length; i++) if (weight[i] > (1e-3 * HALVES) / weight.length) heavy.push(i);
  const difference = (indices, value) => Math.abs(indices.reduce((sum, i) => sum + parity[i] * weight[i] * value(i), 0));
  const all = weight.map((_, i) => i);
  let worst = difference(all, () => 1);
  const moment = (value) => { worst = Math.max(worst, difference(all, value) / all.reduce((sum, i) => sum + weight[i] * value(i), 1e-300)); };
  if (result.moments > 0) moment((i) => tau[i] ** result.moments);
  for (let j = 0; j < p; j++) {
    for (const isNew of [false, true]) {
      const x = mixture(result, Array.from({ length: p }, (_, i) => Number(i === j)), isNew), { mean, sd } = momentsOf(x);
      if (x.moments === 2) moment((i) => x.sd[i] ** 2 + (x.mean[i] - mean) ** 2);
      for (const z of PROBES) worst = Math.max(worst, difference(heavy, (i) => normalCdf((mean + z * sd - x.mean[i]) / x.sd[i])));
    }
  }
  return worst;
}

// Mode, width and range of a log density on the line.
function locate(f, scan, line, gain) {
  let points = [...new Set(scan.map((v) => Math.min(Math.max(v, LINE[0]), line[1])))].sort((x, y) => x - y);
  let values = points.map(f);
  const best = () => values.indexOf(Math.max(...values));
  for (let i = 0; i < 40; i++) {
    const at = best(), end = points.length - 1;
    if (at === 0 && points[0] > LINE[0]) points.unshift(points[0] - 3), values.unshift(f(points[0]));
    else if (at === end && points[end] < line[1]) points.push(points[end] + 3), values.push(f(points[end + 1]));
    else break;
  }
  let peak = closedIn(f, points, values, best());
  let grid, sides;
  for (let i = 0; i < 3; i++) {
    grid = { mode: peak.mode, width: peak.width };
    sides = [sideOf(f, grid, line[0]), sideOf(f, grid, line[1])];
    const all = [...sides[0].reverse(), { s: 0, v: peak.mode, value: peak.top }, ...sides[1]];
    sides[0].reverse();
    const top = all.reduce((at, one, j) => (one.value > all[at].value ? j : at), 0);
    if (!(all[top].value > peak.top + 1)) break;
    peak = closedIn(f, all.map((one) => one.v), all.map((one) => one.value), top);
  }
  const limit = peak.top + Math.log(grid.width) - NEGLIGIBLE;
  grid.first = reachOf(f, grid, sides[0], limit, 0);
  grid.last = reachOf(f, grid, sides[1], limit, gain);
  grid.needed = 0;
  for (let i = 1; i < points.length - 1; i++) {  // another mode that counts
    if (!(values[i] > values[i - 1] && values[i] >= values[i + 1]) || (points[i - 1] <= grid.mode && grid.mode <= points[i + 1])) continue;
    const other = closedIn(f, points, values, i);
    if (other.top + gain * Math.max(other.mode - grid.mode, 0) + Math.log(other.width) < limit) continue;
    const second = { mode: other.mode, width: other.width }, s = Math.asinh((other.mode - grid.mode) / grid.width);
    const ends = [[line[0], 0], [line[1], gain]].map(([end, g]) => {
      const level = limit - g * Math.max(other.mode - grid.mode, 0);
      const v = other.mode + other.width * Math.sinh(reachOf(f, second, sideOf(f, second, end), level, g));
      return Math.asinh((v - grid.mode) / grid.width);
    });
    grid.first = Math.min(grid.first, ends[0]);
    grid.last = Math.max(grid.last, ends[1]);
    grid.needed = Math.max(grid.needed, Math.ceil(((grid.last - grid.first) * grid.width * Math.cosh(s)) / (other.width / 1.4)));
  }
  return grid;
}

// Points from the mode to an end of the line, equally spaced in s.
function sideOf(f, grid, end) {
  const steps = 16, reach = Math.asinh((end - grid.mode) / grid.width), points = [];
  for (let i = 1; i <= steps; i++) {
    const s = (reach * i) / steps, v = grid.mode + grid.width * Math.sinh(s);
    points.push({ s, v, value: f(v) });
  }
  return points;
}

// The s beyond which the integrand, times tau to the power `gain`, stays below a limit.
function reachOf(f, grid, side, limit, gain) {
  const size = (s, value) => value + Math.log(grid.width * Math.cosh(s)) + gain * Math.max(grid.width * Math.sinh(s), 0);
  let last = -1;
  side.forEach((one, i) => { if (size(one.s, one.value) > limit) last = i; });
  if (last === side.length - 1) return side[last].s;
  const step = side[0].s, from = last < 0 ? 0 : side[last].s;
  let kept = 0;
  for (let i = 1; i < 8; i++) {
    const s = from + (step * i) / 8;
    if (size(s, f(grid.mode + grid.width * Math.sinh(s))) > limit) kept = i;
  }
  return from + (step * (kept + 1)) / 8;
}

// Close in on the highest of some points until a parabola fits.
function closedIn(f, points, values, at) {
  const near = (i) => Math.min(Math.max(i, 0), points.length - 1);
  let three = [at - 1, at, at + 1].map((i) => ({ v: points[near(i)], value: values[near(i)] }));
  for (let round = 0; round < 60; round++) {
    const [left, middle, right] = three;
    if (middle.value - Math.min(left.value, right.value) < 3) break;
    const inner = [middle];
    for (let i = 1; i < 8; i++) {
      const v = left.v + ((right.v - left.v) * i) / 8;
      if (v !== middle.v) inner.push({ v, value: f(v) });
    }
    const all = [left, ...inner.sort((x, y) => x.v - y.v), right];
    const top = all.reduce((best, one, i) => (one.value > all[best].value ? i : best), 0);
    three = [top - 1, top, top + 1].map((i) => all[Math.min(Math.max(i, 0), all.length - 1)]);
    if (!(right.v - left.v > 1e-12 * (1 + Math.abs(middle.v)))) break;
  }
  const [left, middle, right] = three, before = Math.max(middle.v - left.v, 1e-300), after = Math.max(right.v - middle.v, 1e-300);
  const rise = (middle.value - left.value) / before, fall = (right.value - middle.value) / after;
  let curvature = (2 * (rise - fall)) / (before + after);
  if (!(curvature > 1)) curvature = 1;
  const move = (rise * after + fall * before) / (before + after) / curvature;
  return { mode: middle.v + (Number.isFinite(move) ? Math.min(Math.max(move, -before), after) : 0), width: 1.4 / Math.sqrt(curvature), top: middle.value };
}

// The marginal of a contrast of the coefficients, or of a new study's effect around it, as a mixture of normals.
function mixture(result, contrast, isNew) {
  const { tau, root, problem: { p } } = result, n = tau.length, mean = new Float64Array(n), sd = new Float64Array(n);
  const shift = contrast.reduce((sum, c, i) => sum + c * result.origin()[i], 0);
  for (let i = 0; i < n; i++) {
    const [m, variance] = contrastOf(root[i], p, contrast);
    mean[i] = m + shift;
    sd[i] = Math.sqrt(variance + (isNew ? tau[i] * tau[i] : 0));
  }
  const wide = isNew || result.priors.some((prior, i) => prior.family === "Flat" && contrast[i] !== 0);
  return { weight: result.weight, mean, sd, moments: wide ? result.moments : 2 };
}

// Without the components of least weight; the others keep theirs.
function without(x, least) {
  const kept = [];
  for (let i = 0; i < x.weight.length; i++) if (x.weight[i] > least) kept.push(i);
  const only = (values) => Float64Array.from(kept, (i) => values[i]);
  return { ...x, weight: only(x.weight), mean: only(x.mean), sd: only(x.sd) };
}

function momentsOf({ weight, mean, sd }) {
  let centre = 0, square = 0;
  for (let i = 0; i < weight.length; i++) centre += weight[i] * mean[i];
  for (let i = 0; i < weight.length; i++) square += weight[i] * (sd[i] * sd[i] + (mean[i] - centre) ** 2);
  return { mean: centre, sd: Math.sqrt(square) };
}

function mixtureCdf({ weight, mean, sd }, at) {
  let sum = 0;
  for (let i = 0; i < weight.length; i++) sum += weight[i] * normalCdf((at - mean[i]) / sd[i]);
  return sum;
}

function mixturePdf({ weight, mean, sd }, at) {
  let sum = 0;
  for (let i = 0; i < weight.length; i++) {
    const z = (at - mean[i]) / sd[i];
    if (z < 38 && z > -38) sum += (weight[i] / sd[i]) * Math.exp(-0.5 * z * z);
  }
  return sum / Math.sqrt(2 * Math.PI);
}

function mixtureQuantile(whole, q) {
  const x = without(whole, 1e-17), z = normalQuantile(q), { mean, sd } = momentsOf(x);  // the others are below rounding
  let low = Infinity, high = -Infinity;
  x.mean.forEach((m, i) => { low = Math.min(low, m + z * x.sd[i]); high = Math.max(high, m + z * x.sd[i]); });
  return rootOf((at) => mixtureCdf(x, at) - q, (at) => mixturePdf(x, at), low, high, mean + z * sd);
}

// Newton's method inside a bracket of a function that rises.
function rootOf(f, slope, low, high, start) {
  let x = Math.min(Math.max(start, low), high);
  for (let i = 0; i < 3000 && high > low; i++) {
    const miss = f(x);
    if (miss < 0) low = x; else high = x;
    let next = x - miss / slope(x);
    if (!(next > low && next < high)) next = 0.5 * (low + high);
    if (Math.abs(next - x) <= 4e-16 * Math.abs(x) || high - low <= 4e-16 * Math.abs(high)) return next;
    x = next;
  }
  return x;
}

// The marginal of tau: shares of panels by Gauss's rule, and quantiles within them.
function scaleMarginal(result) {
  const { grid, scale, moments } = result;
  const mean = result.weight.reduce((sum, w, i) => sum + w * result.tau[i], 0);
  const square = result.weight.reduce((sum, w, i) => sum + w * (result.tau[i] - mean) ** 2, 0);
  const out = { mean: moments >= 1 ? mean : Infinity, sd: moments >= 2 ? Math.sqrt(square) : Infinity };
  if (!grid) return { ...out, quantile: () => scale.atom, pdf: () => 0, atom: scale.atom };
  const n = Math.max(16, Math.ceil(result.nodes.length / 8)), width = (grid.last - grid.first) / n;
  const vAt = (s) => grid.mode + grid.width * Math.sinh(s);
  const density = (s) => Math.exp(result.logDensity(vAt(s)) + Math.log(grid.width * Math.cosh(s)) - result.logTotal);
  const area = (from, to) => {
    const half = 0.5 * (to - from), middle = 0.5 * (from + to);
    return half * GAUSS.reduce((sum, [x, w]) => sum + w * (density(middle - half * x) + density(middle + half * x)), 0);
  };
  const below = [0];
  for (let i = 0; i < n; i++) below.push(below[i] + area(grid.first + i * width, grid.first + (i + 1) * width));
  out.total = below[n];
  out.quantile = (q) => {
    const at = Math.max(below.findIndex((share) => share >= q * below[n]) - 1, 0), from = grid.first + at * width;
    const share = (s) => below[at] + area(from, s) - q * below[n];
    return scale.at(vAt(rootOf(share, density, from, from + width, from + 0.5 * width)))[0];
  };
  out.pdf = (tau) => {
    const v = scale.bounded ? Math.log(tau - scale.lower) - Math.log(scale.upper - tau) : Math.log(tau);
    if (!Number.isFinite(v)) return 0;
    const slope = scale.bounded ? (scale.upper - scale.lower) / ((tau - scale.lower) * (scale.upper - tau)) : 1 / tau;
    return Math.exp(result.logDensity(v) - result.logTotal) * slope;
  };
  return out;
}
