// Exact posteriors: the coefficients analytically, tau by the double-exponential rule of bayesmeta/quadrature/grid.py, its nodes
// doubled until nothing changes.

const SCAN = [-14, -11, -8.5, -6, -4.5, -4, -3.5, -3, -2.5, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 6, 9, 12];
const FAR = -1e15;             // where a tail ends that falls as a power of log(tau)
const HALVES = 1e-8;           // largest difference of the two halves of the nodes; the whole rule is off by its square
const MOST_NODES = 8192;
const PROBES = [-2.5, -1, 0, 1, 2.5];
const ALIKE = 5e-5;            // relative difference of components that are taken together
const NOTHING = 1e-17;         // share of the posterior below which a component of a prior is left out

// Posterior under priors on the coefficients, in order, and on tau.
function fit(problem, priors, tauPrior, nodes = 64) {
  const scale = scaleDensity(tauPrior), flat = priors.filter((one) => one.family === "Flat").length, order = orderOfPriors(priors);
  const ordered = { ...problem, X: order.map((i) => problem.X[i]) }, sorted = order.map((i) => priors[i]);
  let centred = centredAt(ordered, sorted, scale.atom === undefined ? problem.reference : scale.atom ** 2);
  const heads = (tau) => {
    const data = reduced(ordered, centred.y, tau * tau);
    return centred.others.map((other) => headOf(data, other, problem.p));
  };
  const given = (tau) => componentsGiven(heads(tau), centred.last);
  const logDensity = (v) => {
    const [tau, logPrior] = scale.at(v);
    return logPrior === -Infinity ? -Infinity : logPrior + logTotalGiven(heads(tau), centred.last);
  };
  const base = { problem, priors, order, scale, origin: () => centred.origin, logDensity };
  if (scale.atom !== undefined) return finished({ ...base, moments: 2, nodes: [{ tau: scale.atom, given: given(scale.atom), log: 0 }] });
  const moments = scale.bounded ? 2 : Math.min(Math.max(Math.ceil(scale.tail + problem.k - flat - 1) - 1, 0), 2);
  if (scale.improper && scale.tail + problem.k - flat <= 1) return null;  // no posterior
  const start = scale.inverse(0.5 * Math.log(problem.reference));
  const points = scale.improper ? [] : [-3, -1, 0, 1, 3].map((z) => scale.inverse(scale.middle + z * scale.spread));
  const line = [scale.improper ? LINE[0] : FAR, scale.bounded ? 720 : LINE[1]];
  const found = locate(logDensity, [...SCAN.map((x) => start + x), ...points], line, scale.bounded ? 0 : moments);
  centred = centredAt(ordered, sorted, scale.at(found.mode)[0] ** 2);
  let result = null, before = Infinity;
  for (let n = Math.max(nodes, found.needed); n <= MOST_NODES; n *= 2) {
    result = finished({ ...base, moments, grid: found, nodes: laid(found, n, scale, given) });
    centred.last = only(centred.last, result.kept);
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
    nodes.push({ tau, given: given(tau), parity: i % 2, log: logPrior + Math.log(grid.width * Math.cosh(s) * step) });
  }
  return nodes;
}

// Weights of all nodes and components, which components of the last prior are kept, and how far the two halves of the nodes differ.
function finished(result) {
  const total = logSumExp(result.nodes.map((node) => node.log + logSumExp(node.given.log)));
  const middle = result.grid ? Math.max(result.scale.at(result.grid.mode)[0], 1e-150) : 1;
  const size = result.nodes[0].given.log.length, list = componentList(result.nodes.length * size);
  const heads = result.nodes.flatMap((node) => node.given.heads), each = size / (heads.length / result.nodes.length), shares = new Float64Array(each);
  result.nodes.forEach(({ tau, given, parity, log }, i) => {
    const least = 1e-18 / (1 + (tau / middle) ** 2);
    for (let c = 0; c < size; c++) {
      const w = Math.exp(log + given.log[c] - total);
      shares[c % each] += w;
      if (w > least) list.add(Math.floor((i * size + c) / each), tau, parity ? -1 : 1, w, given.mean[c], given.variance[c]);
    }
  });
  const out = { ...result, ...list.all(), logTotal: total, heads, kept: shares.map((share) => Number(share > NOTHING)) };
  out.halves = result.grid ? halves(out) : 0;
  return out;
}

// Normal components in arrays that are as long as there are components. Neighbours that differ by so little that one normal of their
// mean and variance is off by less than 1e-10 are one.
function componentList(most) {
  const head = new Uint32Array(most), [tau, parity, weight, at, variance, first, width] = Array.from({ length: 7 }, () => new Float64Array(most));
  let count = 0, sum = 0;
  const near = (place, mean, spread) => count > 0 && head[count - 1] === place && Math.abs(spread - width[count - 1]) < ALIKE * width[count - 1]
    && (mean - first[count - 1]) ** 2 < ALIKE * ALIKE * width[count - 1];
  return {
    add(place, t, half, w, mean, spread) {
      sum += w;
      if (near(place, mean, spread)) {
        const i = count - 1, whole = weight[i] + w, share = w / whole, gap = mean - at[i];
        variance[i] += share * (spread - variance[i] + (1 - share) * gap * gap);
        at[i] += share * gap;
        weight[i] = whole;
        return;
      }
      head[count] = place; tau[count] = t; parity[count] = half; weight[count] = w;
      at[count] = first[count] = mean; variance[count] = width[count] = spread;
      count += 1;
    },
    all() {
      for (let i = 0; i < count; i++) weight[i] /= sum;
      return Object.fromEntries(Object.entries({ head, tau, parity, weight, at, variance }).map(([key, values]) => [key, values.subarray(0, count)]));
    },
  };
}

// The largest difference of the two halves of the nodes, in a probability or relative to a moment.
function halves(result) {
  const { weight, tau, parity, moments, problem: { p } } = result, n = weight.length;
  let worst = 0;
  const compare = (value, relative) => {
    let difference = 0, sum = 1e-300;
    for (let i = 0; i < n; i++) {
      const share = weight[i] * value(i);
      difference += parity[i] * share;
      sum += share;
    }
    worst = Math.max(worst, Math.abs(difference) / (relative ? sum : 1));
  };
  compare(() => 1, false);
  if (moments > 0) compare((i) => tau[i] ** moments, true);
  for (let j = 0; j < p; j++) {
    for (const isNew of [false, true]) {
      const x = mixture(result, Array.from({ length: p }, (_, i) => Number(i === j)), isNew), { mean, sd } = momentsOf(x);
      if (x.moments === 2) compare((i) => x.sd[i] ** 2 + (x.mean[i] - mean) ** 2, true);
      for (const z of PROBES) worst = Math.max(worst, Math.abs(differenceAt(x, parity, mean + z * sd)));
    }
  }
  return worst;
}

// By how much the halves differ in a probability; what has less weight than shows is left out.
function differenceAt({ weight, mean, sd }, parity, at) {
  const least = (0.1 * HALVES) / weight.length;
  let sum = 0;
  for (let i = 0; i < weight.length; i++) if (weight[i] > least) sum += parity[i] * weight[i] * normalCdf((at - mean[i]) / sd[i]);
  return sum;
}

// The marginal of a contrast of the coefficients, or of a new study's effect around it, as a mixture of normals.
function mixture(result, contrast, isNew) {
  const { tau, at, variance, head, order, problem: { p } } = result, n = tau.length, mean = new Float64Array(n), sd = new Float64Array(n);
  const wanted = order.map((i) => contrast[i]), shift = wanted.reduce((sum, c, i) => sum + c * result.origin()[i], 0);
  const lines = result.heads.map((one) => lineOf(one, p, wanted));
  for (let i = 0; i < n; i++) {
    const [constant, rise, rest] = lines[head[i]];
    mean[i] = shift + constant + rise * at[i];
    sd[i] = Math.sqrt(rest + rise * rise * variance[i] + (isNew ? tau[i] * tau[i] : 0));
  }
  const wide = isNew || result.priors.some((prior, i) => prior.family === "Flat" && contrast[i] !== 0);
  return { weight: result.weight, mean, sd, moments: wide ? result.moments : 2 };
}
