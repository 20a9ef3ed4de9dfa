// Special functions, and numbers as bayesmeta/text/numbers.py writes them.

// Chebyshev coefficients of log(erfc(z) / t) + z^2 in 2t - 1, t = 2 / (2 + z), computed with 50 digits.
const ERFC = [
  -1.30265371978170943, 0.64196979235649026, 0.0194764732041858363, -0.00956151478680863164,
  -0.000946595344482036866, 0.000366839497852761452, 0.0000425233248069077716, -0.0000202785781125342432,
  -1.62429000464702551e-6, 1.3036558355805232e-6, 1.56264417220661432e-8, -8.52380959149265425e-8,
  6.5290544390988515e-9, 5.05934349555146894e-9, -9.91364156493033087e-10, -2.27365122293183586e-10,
  9.6467911020155268e-11, 2.39403808303911474e-12, -6.8860275264975534e-12, 8.94487927309072572e-13,
  3.13092139934295808e-13, -1.12708223613672524e-13, 3.81090525518923157e-16, 7.10609761360923705e-15,
  -1.52302820145710438e-15, -9.45749457129122565e-17, 1.21023718922427805e-16, -2.81666308774716657e-17,
];
const LOG_2PI = Math.log(2 * Math.PI);

function erfc(x) {
  const z = Math.abs(x), t = 2 / (2 + z), twice = 4 * t - 2;
  let d = 0, before = 0;
  for (let j = ERFC.length - 1; j > 0; j--) {
    const next = twice * d - before + ERFC[j];
    before = d;
    d = next;
  }
  const tail = t * Math.exp(-z * z + 0.5 * (ERFC[0] + twice * d) - before);
  return x >= 0 ? tail : 2 - tail;
}

function normalCdf(z) {
  if (z > 8.5) return 1;  // but for rounding
  return 0.5 * erfc(-z * Math.SQRT1_2);
}

function normalPdf(z) {
  return Math.exp(-0.5 * z * z - 0.5 * LOG_2PI);
}

// Newton's method from zero, inside a bracket.
function normalQuantile(q) {
  let low = -40, high = 40, z = 0;
  for (let i = 0; i < 100; i++) {
    const miss = normalCdf(z) - q;
    if (miss < 0) low = z; else high = z;
    let next = z - miss / normalPdf(z);
    if (!(next > low && next < high)) next = 0.5 * (low + high);
    if (Math.abs(next - z) < 1e-14 * (1 + Math.abs(z))) return next;
    z = next;
  }
  return z;
}

// Stirling's series from 10 on, and the recurrence below.
function logGamma(x) {
  let shift = 0;
  for (; x < 10; x++) shift += Math.log(x);
  const r = 1 / (x * x);
  const series = (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r * (1 / 1188 - r * 691 / 360360))))) / x;
  return (x - 0.5) * Math.log(x) - x + 0.5 * LOG_2PI + series - shift;
}

function logSumExp(values) {
  let top = -Infinity, sum = 0;
  for (const v of values) if (v > top) top = v;
  if (top === -Infinity) return top;
  for (const v of values) sum += Math.exp(v - top);
  return top + Math.log(sum);
}

// The power of ten of a number's first digit.
function orderOf(x) {
  return x === 0 ? 0 : Number(Math.abs(x).toExponential().split("e")[1]);
}

function written(x, decimals) {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "none" : x > 0 ? "∞" : "−∞";
  if (decimals > 9 || Math.abs(x) >= 1e7) return x.toPrecision(3).replace(/-/g, "−");
  const text = x.toFixed(Math.max(0, decimals));
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
}

// Decimals that go to the second digit of a standard error; an interval that is wide on one side is read on the log scale.
function decimalsFor(value, lower, upper) {
  let spread = (upper - lower) / 3.92;
  if (lower > 0) spread = Math.min(spread, value * Math.log(upper / lower) / 3.92);
  return Number.isFinite(spread) && spread > 0 ? 1 - orderOf(spread) : 2;
}

function writtenEstimate(value, lower, upper, level) {
  const decimals = decimalsFor(value, lower, upper);
  const [v, l, u] = [value, lower, upper].map((x) => written(x, x !== 0 && Math.abs(x) < 0.5 * 10 ** -decimals ? 1 - orderOf(x) : decimals));
  return `${v} (${level}% credible interval ${l} to ${u})`;
}

// Two decimals, three within 0.01 of either end, and never a certainty.
function writtenProbability(p) {
  if (!(p >= 0)) return "unknown";
  if (p >= 0.9995) return ">0.999";
  if (p < 0.0005) return "<0.001";
  return p.toFixed(p >= 0.0095 && p < 0.9905 ? 2 : 3);
}

// A Monte Carlo error to one figure.
function writtenError(error) {
  return error < 0.0005 ? "<0.001" : error.toFixed(Math.max(1, -orderOf(Number(error.toPrecision(1)))));
}

// The text of a number in a prior: the shortest that reads back as the same.
function numberText(x) {
  return String(x);
}
