// What a panel says.

// How quantities of a model are called and read: means of levels, in a model without an intercept, are values of the measure as mu is.
function readingOf(data, model) {
  const names = model.coefficients;
  const wordsFor = (name) => model.labels[name] || name, isValue = (name) => name === "mu" || name === "theta_new" || model.values.includes(name);
  const scaleFor = (name) => {
    if (isValue(name)) {
      const { scale, label } = SCALES[data.scale] ? { scale: data.scale, label: data.label } : { scale: "identity", label: data.analysis };
      return { scale, label: model.labels[name] ? `${label}, ${model.labels[name]}` : label };
    }
    const ratio = data.scale === "exp" || data.scale === "expit";
    return ratio ? { scale: "exp", label: `${data.contrast}, ${wordsFor(name)}` } : { scale: "identity", label: wordsFor(name) };
  };
  const read = (name, x) => SCALES[scaleFor(name).scale].to(x);
  const called = (name) => scaleFor(name).label + (name === "theta_new" ? " in a new study" : name === "mu" && names.length > 1 ? " at the intercept" : "");
  const unitOf = (name) => (data.unit && scaleFor(name).scale === "identity" && isValue(name) ? ` ${data.unit}` : "");
  const thresholdText = (name, x) => numberText(Number(read(name, x).toPrecision(6))).replace("-", "−");
  return { wordsFor, isValue, scaleFor, read, called, unitOf, thresholdText };
}

function untrusted({ k, effective, limit }) {
  return `Too few of the draws are left for these priors: ${count(Math.floor(effective))} effective ones where ${FEWEST} are needed, and a Pareto k of `
    + `${Number.isFinite(k) ? written(k, 2) : "infinity"} where ${written(limit, 2)} is allowed. Fit the model with these priors instead.`;
}

function benefitText(data) {
  if (!data.benefit) return "";
  return data.benefit === "lower" ? "; lower is better" : "; higher is better";
}

function equalTo(p) {
  const said = writtenProbability(p);
  return /^[<>]/.test(said) ? said.replace(/^[<>]/, "$& ") : `= ${said}`;
}

function plainNumber(x) {
  return numberText(x).replace("-", "−");
}

function commandText(priors, free, stated) {
  const quoted = (text) => (/["$`\\!]/.test(text) ? `'${text.replaceAll("'", `'\\''`)}'` : `"${text}"`);
  const parts = free.map((name) => (name === "mu" ? `--mu "${priors.mu.text}"` : `--beta ${quoted(`${name}=${priors[name].text}`)}`));
  if (stated.tau) parts.push(`--tau "${priors.tau.text}"`);
  return parts.join(" ");
}

function pythonText(priors, free, stated) {
  const bm = (text) => text.replace(/\b(?=[A-Za-z_]+\()/g, "bm."), beta = free.filter((name) => name !== "mu");
  const parts = free.includes("mu") ? [`mu=${bm(priors.mu.text)}`] : [];
  if (stated.tau) parts.push(`tau=${bm(priors.tau.text)}`);
  if (beta.length) parts.push(`beta={${beta.map((name) => `${JSON.stringify(name)}: ${bm(priors[name].text)}`).join(", ")}}`);
  return parts.join(", ");
}
