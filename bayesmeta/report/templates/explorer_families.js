// Families of priors on tau to choose from, and what they are called.

const OFFERED = ["HalfNormal", "HalfStudentT", "HalfCauchy", "Exponential", "Uniform"];
const OFFERED_SHAPES = { HalfStudentT: [4, 1], Uniform: [0, 1] };

function scaleWord(prior) {
  return prior.family.startsWith("Log") ? "median" : prior.family === "Uniform" ? "upper end" : "scale";
}

// The family of the analysis’s own prior, and how the analysis states it where that is another name.
function statedName(prior) {
  const plain = prior.text.startsWith(prior.family) || prior.text.startsWith("OnVariance");
  return plain ? familyName(prior) : `${prior.text}: ${familyName(prior)}`;
}

function sameFamily(a, b) {
  const shapes = (prior) => SCALE_FAMILIES[prior.family].scale ? SCALE_FAMILIES[prior.family].at(1, prior.parameters).join() : "";
  return a.family === b.family && Boolean(a.on_variance) === Boolean(b.on_variance) && shapes(a) === shapes(b);
}

// The families to choose from: that of the analysis first, as it is.
function familiesOf(stated) {
  const others = OFFERED.filter((family) => family !== stated.family || stated.on_variance).map((family) => ({ family, parameters: OFFERED_SHAPES[family] || [1] }));
  return [stated, ...others.map((prior) => ({ ...prior, text: textOf(prior) }))];
}

function familyName(prior) {
  const shapes = { HalfStudentT: (p) => ` with ${numberText(p[0])} degrees of freedom`, LogNormal: (p) => `, sdlog ${numberText(p[1])}` }[prior.family];
  return (prior.on_variance ? `${prior.family} of tau²` : prior.family) + (shapes ? shapes(prior.parameters) : "");
}

// The prior of a family on a rung of the ladder, with about the same median.
function nearest(family, median) {
  const unit = medianOf(withScale(family, 1)), wanted = median / unit, rungs = logLadder(wanted / 2, wanted * 2);
  return withScale(family, rungs.reduce((best, x) => (Math.abs(Math.log(x / wanted)) < Math.abs(Math.log(best / wanted)) ? x : best)));
}
