// Mixtures of normals: what they are asked.

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

// As exactly as a picture shows it: without what weighs little together, and neighbours that look alike as one.
function rough(whole) {
  const { weight, mean, sd, ...rest } = without(whole, 1e-4 / whole.weight.length), out = { weight: [], mean: [], sd: [] };
  let last = -1, first = 0, width = 0;
  for (let i = 0; i < weight.length; i++) {
    if (last >= 0 && Math.abs(mean[i] - first) < 0.05 * width && Math.abs(sd[i] - width) < 0.05 * width) {
      const share = weight[i] / (out.weight[last] += weight[i]), gap = mean[i] - out.mean[last];
      out.sd[last] = Math.sqrt(out.sd[last] ** 2 + share * (sd[i] ** 2 - out.sd[last] ** 2 + (1 - share) * gap * gap));
      out.mean[last] += share * gap;
    } else {
      last = out.weight.push(weight[i]) - 1; out.mean.push(mean[i]); out.sd.push(sd[i]);
      first = mean[i]; width = sd[i];
    }
  }
  return { ...rest, ...out };
}

// Quantiles: roughly first, then of the mixture without the components that weigh nothing together.
function mixtureQuantile(whole, q, drawn = rough(whole)) {
  const x = without(whole, 1e-12 / whole.weight.length), bracket = bracketOf(x, normalQuantile(q)), { sd } = momentsOf(drawn);
  return rootOf((at) => mixtureCdf(x, at) - q, (at) => mixturePdf(drawn, at), ...bracket, roughQuantile(drawn, q), 1e-13 * sd);
}

function roughQuantile(drawn, q) {
  const z = normalQuantile(q), { mean, sd } = momentsOf(drawn);
  return rootOf((at) => mixtureCdf(drawn, at) - q, (at) => mixturePdf(drawn, at), ...bracketOf(drawn, z), mean + z * sd, 1e-3 * sd);
}

// A quantile of a mixture lies between the smallest and the largest of its components' quantiles.
function bracketOf({ mean, sd }, z) {
  let low = Infinity, high = -Infinity;
  for (let i = 0; i < mean.length; i++) {
    low = Math.min(low, mean[i] + z * sd[i]);
    high = Math.max(high, mean[i] + z * sd[i]);
  }
  return [low, high];
}

// Newton's method inside a bracket of a function that rises.
function rootOf(f, slope, low, high, start, near = 0) {
  let x = Math.min(Math.max(start, low), high);
  for (let i = 0; i < 3000 && high > low; i++) {
    const miss = f(x);
    if (miss < 0) low = x; else high = x;
    let next = x - miss / slope(x);
    if (!(next > low && next < high)) next = 0.5 * (low + high);
    if (Math.abs(next - x) <= 4e-16 * Math.abs(x) + near || high - low <= 4e-16 * Math.abs(high)) return next;
    x = next;
  }
  return x;
}

