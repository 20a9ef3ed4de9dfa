const GAUSS = [[0.1252334085114689, 0.2491470458134028], [0.3678314989981802, 0.2334925365383548], [0.5873179542866175, 0.2031674267230659], [0.7699026741943047, 0.1600783285433462], [0.9041172563704749, 0.1069393259953184], [0.9815606342467192, 0.0471753363865118]];

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
