// The coefficients given tau: least squares of y ~ N(X beta, a + tau^2 d) with normal priors. One coefficient may have a prior of many
// normal components: it stands last, so that each of them changes the last of the equations alone.

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

// The equations with the other coefficients' priors in them: up to the last coefficient, whose own are r beta = z.
function headOf(data, other, p) {
  const m = p + 1, rows = p === 1 ? data.equations : new Float64Array((2 * p - 1) * m);
  let log = other.log + 0.5 * (data.logWeight - data.rest);
  if (p > 1) {
    rows.set(data.equations);
    for (let j = 0; j < p - 1; j++) {
      const root = Math.sqrt(other.precision[j]);
      rows[(p + j) * m + j] = root;
      rows[(p + j) * m + p] = root * other.mean[j];
    }
    log -= 0.5 * triangular(rows, 2 * p - 1, p);
    for (let j = 0; j < p - 1; j++) log -= Math.log(Math.abs(rows[j * m + j]));
  }
  return { rows, r: rows[p * m - 2], z: rows[p * m - 1], log };
}

// Of every component of the last coefficient's prior: mean and variance of that coefficient, and the log density of the data.
function componentsGiven(heads, { log, mean, precision }) {
  const size = precision.length, n = heads.length * size;
  const given = { heads, log: new Float64Array(n), mean: new Float64Array(n), variance: new Float64Array(n) };
  heads.forEach(({ r, z, log: base }, h) => {
    const gap = r * mean - z;
    for (let c = 0; c < size; c++) {
      const square = r * r + precision[c];
      given.log[h * size + c] = base + log[c] - 0.5 * ((precision[c] * gap * gap) / square + Math.log(square));
      given.mean[h * size + c] = (r * z + precision[c] * mean) / square;
      given.variance[h * size + c] = 1 / square;
    }
  });
  return given;
}

// The log density of the data over all components. The widest of them comes first, and none has a larger exponent.
function logTotalGiven(heads, { weight, mean, precision }) {
  return logSumExp(heads.map(({ r, z, log: base }) => {
    const square = r * r, gap = (r * mean - z) ** 2, first = (precision[0] * gap) / (square + precision[0]);
    let sum = 0;
    for (let c = 0; c < precision.length; c++) {
      const whole = square + precision[c];
      sum += (weight[c] / Math.sqrt(whole)) * Math.exp(0.5 * (first - (precision[c] * gap) / whole));
    }
    return base - 0.5 * first + Math.log(sum);
  }));
}

// A contrast of the coefficients given the last: its mean there as a line in the last one, and its variance.
function lineOf({ rows }, p, contrast) {
  const m = p + 1, at = new Float64Array(p), slope = new Float64Array(p), solved = new Float64Array(p);
  let constant = 0, rise = contrast[p - 1], variance = 0;
  for (let i = p - 2; i >= 0; i--) {
    let x = rows[i * m + p], along = -rows[i * m + p - 1];
    for (let j = i + 1; j < p - 1; j++) {
      x -= rows[i * m + j] * at[j];
      along -= rows[i * m + j] * slope[j];
    }
    at[i] = x / rows[i * m + i];
    slope[i] = along / rows[i * m + i];
    constant += contrast[i] * at[i];
    rise += contrast[i] * slope[i];
  }
  for (let i = 0; i < p - 1; i++) {
    let x = contrast[i];
    for (let j = 0; j < i; j++) x -= rows[j * m + i] * solved[j];
    solved[i] = x / rows[i * m + i];
    variance += solved[i] * solved[i];
  }
  return [constant, rise, variance];
}
