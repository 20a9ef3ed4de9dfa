// Priors under the names and parameters of bayesmeta/priors.

function logStudentNorm(nu) {
  return logGamma((nu + 1) / 2) - logGamma(nu / 2) - 0.5 * Math.log(nu * Math.PI);
}

// Priors on a scale. `scale` is the factor that the family multiplies a quantity with, `at` gives the parameters for another one,
// `log` is the log density of z = log(x / scale), `middle` and `spread` say roughly where z lies, `median` is that of x / scale,
// `tail` the power with which the density of x falls.
const SCALE_FAMILIES = {
  HalfNormal: {
    scale: ([s]) => s, at: (s) => [s], median: () => 0.6744897501960817,
    log: (z) => 0.5 * Math.log(2 / Math.PI) + z - 0.5 * Math.exp(2 * z), middle: -0.4, spread: 1, tail: () => Infinity,
  },
  HalfStudentT: {
    scale: ([, s]) => s, at: (s, [nu]) => [nu, s], median: ([nu]) => halfStudentMedian(nu),
    log: (z, [nu]) => Math.log(2) + logStudentNorm(nu) + z - 0.5 * (nu + 1) * Math.log1p(Math.exp(2 * z) / nu),
    middle: 0, spread: 1.3, tail: ([nu]) => nu + 1,
  },
  HalfCauchy: {
    scale: ([s]) => s, at: (s) => [s], median: () => 1,
    log: (z) => Math.log(2 / Math.PI) + z - Math.log1p(Math.exp(2 * z)), middle: 0, spread: 2, tail: () => 2,
  },
  HalfLogistic: {
    scale: ([s]) => s, at: (s) => [s], median: () => Math.log(3),
    log: (z) => Math.log(2) + z - Math.exp(z) - 2 * Math.log1p(Math.exp(-Math.exp(z))), middle: 0, spread: 1, tail: () => Infinity,
  },
  Rayleigh: {
    scale: ([s]) => s, at: (s) => [s], median: () => Math.sqrt(2 * Math.log(2)),
    log: (z) => 2 * z - 0.5 * Math.exp(2 * z), middle: 0, spread: 0.7, tail: () => Infinity,
  },
  Exponential: {
    scale: ([rate]) => 1 / rate, at: (s) => [tidy(1 / s)], median: () => Math.log(2),
    log: (z) => z - Math.exp(z), middle: -0.4, spread: 1, tail: () => Infinity,
  },
  Gamma: {
    scale: ([, rate]) => 1 / rate, at: (s, [shape]) => [shape, tidy(1 / s)], median: ([shape]) => shape,
    log: (z, [shape]) => shape * z - Math.exp(z) - logGamma(shape), middle: 0, spread: 1.5, tail: () => Infinity,
  },
  InvGamma: {
    scale: ([, s]) => s, at: (s, [shape]) => [shape, s], median: ([shape]) => 1 / shape,
    log: (z, [shape]) => -shape * z - Math.exp(-z) - logGamma(shape), middle: 0, spread: 1.5, tail: ([shape]) => shape + 1,
  },
  Lomax: {
    scale: ([, s]) => s, at: (s, [shape]) => [shape, s], median: ([shape]) => 2 ** (1 / shape) - 1,
    log: (z, [shape]) => Math.log(shape) + z - (shape + 1) * Math.log1p(Math.exp(z)), middle: 0, spread: 2, tail: ([shape]) => shape + 1,
  },
  LogNormal: {
    scale: ([meanlog]) => Math.exp(meanlog), at: (s, [, sdlog]) => [tidy(Math.log(s)), sdlog], median: () => 1,
    log: (z, [, sdlog]) => -0.5 * LOG_2PI - Math.log(sdlog) - 0.5 * (z / sdlog) ** 2,
    middle: 0, spread: 1, width: ([, sdlog]) => sdlog, tail: () => Infinity,
  },
  LogStudentT: {
    scale: ([, location]) => Math.exp(location), at: (s, [nu, , width]) => [nu, tidy(Math.log(s)), width], median: () => 1,
    log: (z, [nu, , width]) => logStudentNorm(nu) - Math.log(width) - 0.5 * (nu + 1) * Math.log1p((z / width) ** 2 / nu),
    middle: 0, spread: 1, width: ([, , width]) => width, tail: () => 1 + 1e-9,
  },
  Uniform: {
    scale: ([, upper]) => upper, at: (s, [lower, upper]) => [lower === 0 ? 0 : tidy((lower / upper) * s), s], median: () => 0.5,
    log: (z, [lower, upper]) => Math.log(upper / (upper - lower)) + z, middle: -0.7, spread: 0.5, tail: () => Infinity,
  },
  ImproperUniform: { log: (z) => z, tail: () => 0 },
  SqrtUniform: { log: (z) => 0.5 * z, tail: () => 0.5 },
};

function tidy(x) {
  return Number(x.toPrecision(4));
}

function halfStudentMedian(nu) {
  let low = 0, high = 2;  // nu > 0.3 has its median below; it only sets where a slider starts
  for (let i = 0; i < 60; i++) {
    const x = 0.5 * (low + high);
    let area = 0;
    for (let j = 0; j < 200; j++) area += (x / 200) * Math.exp(logStudentNorm(nu) - 0.5 * (nu + 1) * Math.log1p(((j + 0.5) * x / 200) ** 2 / nu));
    if (2 * area < 0.5) low = x; else high = x;
  }
  return 0.5 * (low + high);
}

function scaleOf(prior) {
  const family = SCALE_FAMILIES[prior.family];
  if (!family || !family.scale) return null;
  const scale = family.scale(prior.parameters);
  return prior.on_variance ? Math.sqrt(scale) : scale;
}

function medianOf(prior) {
  const median = SCALE_FAMILIES[prior.family].median(prior.parameters);
  return scaleOf(prior) * (prior.on_variance ? Math.sqrt(median) : median);
}

// The prior of the same family, on the same square or not, with another scale.
function withScale(prior, scale) {
  const family = SCALE_FAMILIES[prior.family], inner = prior.on_variance ? tidy(scale * scale) : scale;
  const parameters = family.at(inner, prior.parameters);
  return { ...prior, parameters, text: textOf({ ...prior, parameters }) };
}

function textOf(prior) {
  const text = `${prior.family}(${prior.parameters.map(numberText).join(", ")})`;
  return prior.on_variance ? `OnVariance(${text})` : text;
}

// Density on a line v: log(x), or its logistic counterpart where the support has an upper end; the Jacobian is included.
function scaleDensity(prior) {
  if (prior.family === "PointMass") return { atom: prior.parameters[0] };
  const family = SCALE_FAMILIES[prior.family], square = prior.on_variance ? 2 : 1, p = prior.parameters;
  const logScale = family.scale ? Math.log(family.scale(p)) : 0;
  const logOfLog = (u) => family.log(square * u - logScale, p) + (square === 2 ? Math.LN2 : 0);
  const bounds = prior.family === "Uniform" ? p.map((x) => (square === 2 ? Math.sqrt(x) : x)) : [0, Infinity];
  const improper = !family.scale;
  const width = family.width ? family.width(p) : 1;
  const density = {
    improper, lower: bounds[0], upper: bounds[1], bounded: bounds[1] < Infinity, tail: square * (family.tail(p) - 1) + 1,
    middle: improper ? NaN : (logScale + family.middle) / square, spread: improper ? NaN : (width * family.spread) / square,
    logOfLog,
    logPdf: (x) => (x < bounds[0] || x > bounds[1] ? -Infinity : x === 0 ? logAtZero(logOfLog) : logOfLog(Math.log(x)) - Math.log(x)),
  };
  const room = bounds[1] - bounds[0];
  density.at = density.bounded
    ? (v) => {
        const share = 1 / (1 + Math.exp(-v)), tau = bounds[0] + room * share, rest = 1 / (1 + Math.exp(v));
        return [tau, tau > 0 ? logOfLog(Math.log(tau)) - Math.log(tau) + Math.log(room * share) + Math.log(rest) : -Infinity];
      }
    : (v) => [Math.exp(v), logOfLog(v)];
  density.inverse = density.bounded
    ? (logTau) => {
        const share = Math.min(Math.max((Math.exp(logTau) - bounds[0]) / room, 1e-100), 1 - 1e-9);
        return Math.log(share) - Math.log1p(-share);
      }
    : (logTau) => logTau;
  return density;
}

function logAtZero(logOfLog) {
  return logOfLog(-300) + 300;
}

// A prior on a coefficient as normal components: weight, mean, precision. Those of a t prior come with the data, for scale 1.
function components(prior) {
  const [first, second, third] = prior.parameters;
  if (prior.family === "Flat") return [[1, 0, 0]];
  if (prior.family === "Normal") return [[1, first, second ** -2]];
  const [mean, scale] = prior.family === "Cauchy" ? [first, second] : [second, third];
  return prior.rule.map(([weight, precision]) => [weight, mean, precision / (scale * scale)]);
}

function locationOf(prior) {
  return prior.family === "Flat" ? 0 : prior.parameters[prior.family === "StudentT" ? 1 : 0];
}

function widthOf(prior) {
  return prior.family === "Flat" ? Infinity : prior.parameters[prior.parameters.length - 1];
}

function withPlace(prior, location, width) {
  if (width === Infinity) return { family: "Flat", parameters: [], text: "Flat()" };
  const plain = prior.family === "Flat" ? { family: "Normal", parameters: [0, 1] } : prior;
  const parameters = plain.family === "StudentT" ? [plain.parameters[0], location, width] : [location, width];
  return { ...plain, parameters, text: textOf({ family: plain.family, parameters }) };
}

// Log density of a coefficient's prior.
function logPdfOf(prior, x) {
  if (prior.family === "Flat") return 0;
  const z = (x - locationOf(prior)) / widthOf(prior), norm = -Math.log(widthOf(prior));
  if (prior.family === "Normal") return norm - 0.5 * LOG_2PI - 0.5 * z * z;
  const nu = prior.family === "Cauchy" ? 1 : prior.parameters[0];
  return norm + logStudentNorm(nu) - 0.5 * (nu + 1) * Math.log1p((z * z) / nu);
}
