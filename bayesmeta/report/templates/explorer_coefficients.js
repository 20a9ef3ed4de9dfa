// The priors on the coefficients as normal components, around values near which the coefficients lie.

// All combinations of the components of the other coefficients' priors, and the components of the last one's, the widest first.
function crossed(priors, origin) {
  const p = priors.length;
  let others = [{ log: 0, mean: [], precision: [] }];
  priors.slice(0, p - 1).forEach((prior, i) => {
    others = others.flatMap((one) => components(prior).map(([weight, mean, precision]) => ({
      log: one.log + Math.log(weight) + (precision > 0 ? 0.5 * Math.log(precision) : 0), mean: [...one.mean, precision > 0 ? mean - origin[i] : 0], precision: [...one.precision, precision],
    })));
  });
  const own = components(priors[p - 1]).sort((one, other) => one[2] - other[2]), flat = own[0][2] === 0;
  const precision = Float64Array.from(own, (one) => one[2]), weight = Float64Array.from(own, ([w, , t]) => w * (t > 0 ? Math.sqrt(t) : 1));
  return { others, last: { precision, weight, log: weight.map(Math.log), mean: flat ? 0 : own[0][1] - origin[p - 1] } };
}

// Some of the components of the last coefficient's prior.
function only(last, kept) {
  return { ...last, precision: last.precision.filter((_, c) => kept[c]), weight: last.weight.filter((_, c) => kept[c]), log: last.log.filter((_, c) => kept[c]) };
}

// The coefficients at a tau^2, their priors taken as normal.
function coefficientsAt(problem, priors, tau2) {
  const { p, y } = problem, precision = priors.map((one) => (one.family === "Flat" ? 0 : widthOf(one) ** -2));
  const other = { log: 0, mean: priors.map(locationOf), precision };
  const head = headOf(reduced(problem, y, tau2), other, p), { r, z } = head;
  const last = (r * z + precision[p - 1] * other.mean[p - 1]) / (r * r + precision[p - 1]);
  return priors.map((_, i) => {
    const [constant, rise] = lineOf(head, p, priors.map((__, j) => Number(i === j)));
    return constant + rise * last;
  });
}

// Effects and priors measured from the coefficients at a tau^2.
function centredAt(problem, priors, tau2) {
  const origin = coefficientsAt(problem, priors, tau2);
  const y = problem.y.map((value, i) => value - origin.reduce((sum, b, j) => sum + b * problem.X[j][i], 0));
  return { origin, y, ...crossed(priors, origin) };
}

// The order in which the coefficient whose prior has most components is the last.
function orderOfPriors(priors) {
  const sizes = priors.map((prior) => components(prior).length), last = sizes.indexOf(Math.max(...sizes));
  return [...priors.keys()].filter((i) => i !== last).concat(last);
}
