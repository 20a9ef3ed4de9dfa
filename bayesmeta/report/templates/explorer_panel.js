// The panel: state, sentences, and what follows a slider.

const LEVELS = [0.9, 0.95, 0.975, 0.99];
const SLICE = 8;  // milliseconds of the tipping curve at a time

function panel(root) {
  const data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
  const body = element("div", { class: "bm-body" });
  root.append(body);
  let job = 0;
  const open = (index) => {
    job++;
    body.replaceChildren();
    modelPanel(root, body, data, index, open, () => job);
  };
  open(0);
}

function modelPanel(root, body, data, index, open, jobOf) {
  const model = data.models[index], engine = engineOf(model), stated = model.priors, names = model.coefficients;
  const level = data.ci_prob, percent = Number((100 * level).toFixed(6)), job = jobOf();
  const free = names.filter((name) => stated[name]);
  const first = engine.solve({ ...stated });
  const quantities = [...names, ...(names.includes("mu") ? ["theta_new"] : [])];
  const claimed = { quantity: model.claim.quantity, below: model.claim.below, threshold: model.claim.threshold };
  let priors = { ...stated }, claim = { ...claimed }, tipAt = model.claim.level, waiting = false, token = 0;
  const redraw = { effect: () => {}, tipping: () => {} };

  const { wordsFor, isValue, scaleFor, read, called, unitOf, thresholdText } = readingOf(data, model);
  const meanWords = names.length > 1 ? "the intercept, mu" : "the mean effect, mu";
  const claimText = () => {
    const sign = claim.below ? "<" : ">", of = scaleFor(claim.quantity).scale === "identity" ? wordsFor(claim.quantity) : called(claim.quantity);
    return `P(${of} ${sign} ${thresholdText(claim.quantity, claim.threshold)})`;
  };
  const probability = (solved, quantity = claim.quantity) => {
    const p = solved.marginal(quantity).below(claim.threshold);
    return claim.below ? p : 1 - p;
  };

  // What is shown.
  const answer = element("p", { class: "bm-answer", role: "status", "aria-live": "polite", "aria-atomic": "true" });
  const about = element("p", { class: "bm-about" }), warning = element("p", { class: "bm-untrusted", hidden: "" }), tipped = element("p", { class: "bm-about" });
  const picture = (label) => element("svg:svg", { role: "img", "aria-label": label, preserveAspectRatio: "xMidYMid meet" });
  const effectPicture = picture(""), tauPicture = picture(""), tippingPicture = picture("");
  const wide = element("div", { class: "bm-wide" });
  const option = element("code"), python = element("code");
  const words = element("div", { class: "bm-words" });
  words.append(element("p", { class: "bm-about" }, "The priors on the command line and in Python:"), preOf(option), preOf(python));

  // Controls.
  const controls = [];
  const changed = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; if (job === jobOf()) update(); });
  };
  const locationSliders = {}, widthSliders = {};
  for (const name of free) {
    const onScale = scaleFor(name).scale !== "identity";
    const rows = [];
    if (name === "mu") {
      locationSliders[name] = slider("prior mean", (x) => plainNumber(x) + (onScale ? ` (${called(name)} ${written(read(name, x), 2)})` : ""), (x) => {
        priors[name] = withPlace(priors[name], x, widthOf(priors[name]));
        changed();
      });
      rows.push(locationSliders[name].row);
    }
    const word = { Normal: "prior SD", Flat: "prior SD" }[stated[name].family] || "prior scale";
    widthSliders[name] = slider(word, (x) => (x === Infinity ? "flat, without bounds" : plainNumber(x)), (x) => {
      const location = locationSliders[name] ? locationSliders[name].ladder[Number(locationSliders[name].input.value)] : locationOf(stated[name]);
      priors[name] = x === widthOf(stated[name]) && location === locationOf(stated[name]) ? stated[name] : withPlace(stated[name].family === "Flat" ? priors[name] : stated[name], location, x);
      if (locationSliders[name]) locationSliders[name].input.disabled = x === Infinity;
      changed();
    });
    rows.push(widthSliders[name].row);
    controls.push(group(`Prior on ${name === "mu" ? meanWords : wordsFor(name)}`, ...rows));
  }
  let tauSlider = null, familyChooser = null;
  if (stated.tau) {
    const families = familiesOf(stated.tau);
    familyChooser = chooser("family", families.map((one, i) => [String(i), i ? familyName(one) : statedName(one)]), (i) => {
      const chosen = families[Number(i)];
      const middle = scaleOf(priors.tau) === null ? engine.spread : medianOf(priors.tau);
      const rounded = scaleOf(chosen) === null ? null : nearest(chosen, middle);
      priors.tau = chosen === stated.tau ? stated.tau : rounded;
      layTau();
      changed();
    });
    tauSlider = slider("scale", (x) => tauWords(x), (x) => {
      priors.tau = x === scaleOf(stated.tau) && sameFamily(priors.tau, stated.tau) ? stated.tau : withScale(priors.tau, x);
      changed();
    });
    controls.push(group("Prior on the between-study SD, tau", familyChooser.row, tauSlider.row));
  }
  const tauWords = (x) => (scaleOf(priors.tau) === null ? priors.tau.text : x === scaleOf(stated.tau) && sameFamily(priors.tau, stated.tau) ? stated.tau.text : withScale(priors.tau, x).text);
  const quantityChooser = chooser("about", quantities.map((name) => [name, name === "mu" ? (names.length > 1 ? "mu, the intercept" : "mu, the mean effect") : name === "theta_new" ? "theta_new, the effect in a new study" : wordsFor(name)]), (name) => {
    claim = { ...claim, quantity: name, threshold: name === claimed.quantity ? claimed.threshold : 0 };
    layThreshold();
    changed();
  });
  const directionChooser = chooser("direction", [["below", "below the threshold"], ["above", "above the threshold"]], (side) => { claim.below = side === "below"; changed(); });
  const thresholdSlider = slider("threshold", (x) => thresholdText(claim.quantity, x), (x) => { claim.threshold = x; changed(); });
  const levelChooser = chooser("tipping point of", withValues(LEVELS, [tipAt]).map((x) => [String(x), String(x)]), (x) => { tipAt = Number(x); changed(); });
  controls.push(group("Claim", quantityChooser.row, directionChooser.row, thresholdSlider.row, ...(tauSlider ? [levelChooser.row] : [])));
  const reset = element("button", { type: "button" }, "Reset to the analysis’s own priors");
  reset.addEventListener("click", () => { priors = { ...stated }; claim = { ...claimed }; tipAt = model.claim.level; lay(); changed(); });

  // Where sliders begin and end.
  function layTau() {
    if (!tauSlider) return;
    const own = scaleOf(stated.tau), now = scaleOf(priors.tau);
    tauSlider.row.hidden = now === null;
    if (now === null) return;
    const around = [engine.spread, ...(own === null ? [] : [own])].filter((x) => x > 0);
    const low = Math.min(...around) / 20, high = Math.max(...around) * 20, same = sameFamily(priors.tau, stated.tau);
    tauSlider.set(logLadder(low, high, now, ...(same && own !== null ? [own] : [])), now);
  }
  function layThreshold() {
    const [low, high] = axisOf(claim.quantity), { scale } = scaleFor(claim.quantity), { to, from } = SCALES[scale];
    const wideRatio = scale === "exp" && high - low > 1.5;
    const ladder = wideRatio ? logLadder(to(low), to(high)) : linearLadder(to(low), to(high)).filter((x) => Number.isFinite(from(x)));
    thresholdSlider.set(withValues(ladder.map(from), [claim.threshold, 0]), claim.threshold);
  }
  function lay() {
    for (const name of free) {
      const own = stated[name], marginal = first.marginal(name), sd = (marginal.quantile(0.84) - marginal.quantile(0.16)) / 2, centre = marginal.quantile(0.5);
      const width = widthOf(own), finite = width === Infinity ? [] : [width];
      const ladder = logLadder(Math.min(sd / 5, ...finite.map((x) => x / 10)), Math.max(sd * 50, ...finite.map((x) => x * 10)), ...finite);
      widthSliders[name].set(width === Infinity ? [...ladder, Infinity] : ladder, width);
      if (!locationSliders[name]) continue;
      const reach = 5 * sd + Math.min(width, 10 * sd);
      locationSliders[name].set(linearLadder(Math.min(centre - reach, locationOf(own), 0), Math.max(centre + reach, locationOf(own), 0), locationOf(own)), locationOf(own));
      locationSliders[name].input.disabled = width === Infinity;
    }
    if (familyChooser) familyChooser.select.value = "0";
    layTau();
    quantityChooser.select.value = claim.quantity;
    directionChooser.select.value = claim.below ? "below" : "above";
    levelChooser.select.value = String(tipAt);
    layThreshold();
  }
  const axes = {}, ownTau = first && first.marginal ? first.marginal("tau").quantile(0.995) : 0;
  function axisOf(name, solved = null) {
    const ends = (marginal) => {  // of a heavy tail no more than shows where most of the probability is
      const [low, high] = [0.025, 0.975].map(marginal.about), room = 1.5 * (high - low);
      return [Math.max(marginal.about(0.0005), low - room), Math.min(marginal.about(0.9995), high + room)];
    };
    if (!axes[name]) {
      const [low, high] = ends(first.marginal(name)), room = 0.35 * (high - low);
      const all = [low - room, high + room, claimed.quantity === name ? claimed.threshold : 0];
      axes[name] = [Math.min(...all, 0), Math.max(...all, 0)];
    }
    if (!solved) return axes[name];
    const [low, high] = ends(solved.marginal(name));
    return [Math.min(axes[name][0], low, claim.threshold), Math.max(axes[name][1], high, claim.threshold)];
  }

  // What follows.
  function priorSentence() {
    const said = [...free.map((name) => `${wordsFor(name)} ~ ${priors[name].text}`), ...(stated.tau ? [`tau ~ ${priors.tau.text}`] : [])];
    return said.length > 1 ? `${said.slice(0, -1).join(", ")} and ${said[said.length - 1]}` : said[0];
  }
  // Whether priors and claim are those of an analysis whose own probability, from all of its sample, is known.
  function asStated() {
    const same = Object.keys(stated).every((name) => priors[name].text === stated[name].text);
    return same && model.claim.probability !== undefined && ["quantity", "below", "threshold"].every((key) => claim[key] === claimed[key]);
  }
  function update() {
    const solved = engine.solve(priors), usable = Boolean(solved && solved.trusted), name = claim.quantity;
    root.classList.toggle("bm-greyed", !usable);
    warning.hidden = usable;
    option.textContent = commandText(priors, free, stated);
    python.textContent = pythonText(priors, free, stated);
    root.answer = { priors: { ...priors }, claim: { ...claim }, trusted: usable };
    if (!solved || !solved.marginal) {
      answer.textContent = `With ${priorSentence()}: no answer.`;
      warning.textContent = solved ? untrusted(solved) : "Under these priors there is no posterior: they do not integrate to one, and the studies are too few.";
      for (const svg of [effectPicture, tauPicture]) svg.replaceChildren();
      redraw.effect = () => {};
      about.textContent = "";
      tipping(solved, null);
      return;
    }
    const marginal = solved.marginal(name), tau = solved.marginal("tau");
    const [lower, median, upper] = [(1 - level) / 2, 0.5, (1 + level) / 2].map(marginal.quantile), p = probability(solved);
    const [tauLower, tauMedian, tauUpper] = [(1 - level) / 2, 0.5, (1 + level) / 2].map(tau.quantile);
    Object.assign(root.answer, { p, median, lower, upper, mean: marginal.mean, sd: marginal.sd, effective: solved.effective, k: solved.k,
      tau: { mean: tau.mean, sd: tau.sd, median: tauMedian, lower: tauLower, upper: tauUpper } });
    if (usable) {
      const estimate = writtenEstimate(read(name, median), read(name, lower), read(name, upper), percent);
      const error = marginal.error ? ` (Monte Carlo error ${writtenError(marginal.error(claim.threshold))})` : "";
      const unit = unitOf(name);
      const said = writtenProbability(p);
      const start = `With ${priorSentence()}: ${called(name)} ${unit ? estimate.replace(" (", `${unit} (`) : estimate}; ${claimText()}`;
      answer.textContent = asStated() ? `${start} ${equalTo(model.claim.probability)} in the analysis, ${said}${error} ${solved.how.replace("draws of the analysis", "of its draws")}.`
        : `${start} ${equalTo(p)}${error}; ${solved.how}.`;
    } else {
      answer.textContent = `With ${priorSentence()}: no answer that can be trusted.`;
      warning.textContent = untrusted(solved);
    }
    about.textContent = !usable ? "" : `Between-study SD tau: median ${writtenEstimate(tauMedian, tauLower, tauUpper, percent)}.`
      + (model.kind === "draws" ? " Weights are Pareto-smoothed importance ratios of the priors." : "")
      + (model.kept.length ? ` Without a slider: ${model.kept.join(", ")}.` : "") + (model.note ? ` ${model.note}` : "");
    redraw.effect = () => pictures(solved, marginal, tau, [lower, upper]);
    redraw.effect();
    tipping(solved, usable ? p : null);
  }
  function pictures(solved, marginal, tau, interval) {
    const name = claim.quantity, [low, high] = axisOf(name, solved), { scale } = scaleFor(name);
    const prior = priors[name] && priors[name].family !== "Flat" ? (x) => Math.exp(logPdfOf(priors[name], x)) : null;
    const axis = `${called(name)}${unitOf(name) ? ` (${data.unit})` : ""}${isValue(name) ? benefitText(data) : ""}`;
    drawDensity(effectPicture, { width: roomOf(wide, 520), height: 250, low, high, scale, label: axis, posterior: marginal.pdf, prior, claim, interval, mark: 0 });
    effectPicture.setAttribute("aria-label", `${solved.trusted ? "Posterior" : "Not to be used: posterior"} density of ${called(name)}${prior ? ", its prior dashed" : ""}, with the side of the claim shaded. ${answer.textContent}`);
    const most = Math.max(ownTau, tau.quantile(0.995)) * 1.15 || 1;
    const density = stated.tau && scaleOf(priors.tau) !== null ? (x) => Math.exp(scaleDensity(priors.tau).logPdf(x)) : null;
    const least = most / 2000;
    drawDensity(tauPicture, { width: roomOf(tauPicture, 340), height: 200, low: 0, high: most, scale: "identity", label: "between-study SD, tau", mark: tau.atom, posterior: (x) => tau.pdf(Math.max(x, least)), prior: density ? (x) => density(Math.max(x, least)) : null });
    tauPicture.setAttribute("aria-label", `Posterior density of tau${density ? ", its prior dashed" : ""}. ${about.textContent}`);
  }

  // The probability along the scale of the prior on tau, a few milliseconds at a time.
  function tipping(solved, p) {
    const mine = ++token;
    tippingPicture.toggleAttribute("hidden", !tauSlider || scaleOf(priors.tau) === null);
    tipped.textContent = "";
    redraw.tipping = () => {};
    if (!tauSlider || scaleOf(priors.tau) === null) return;
    const ladder = tauSlider.ladder, at = { ...priors }, side = { ...claim }, target = tipAt;
    const value = (scale) => {
      const other = engine.solve({ ...at, tau: withScale(at.tau, scale) }, 32);
      return other && other.trusted ? probability(other, side.quantity) : null;
    };
    const stride = engine.slow ? 3 : 1, scales = ladder.filter((_, i) => i % stride === 0 || i === ladder.length - 1), points = [];
    const work = () => {
      if (mine !== token || job !== jobOf()) return;
      const until = performance.now() + SLICE;
      while (points.length < scales.length && performance.now() < until) points.push({ scale: scales[points.length], p: value(scales[points.length]) });
      if (points.length < scales.length) { setTimeout(work, 0); return; }
      const crossings = crossingsOf(points, target, value), now = { scale: scaleOf(at.tau), p };
      redraw.tipping = () => drawTipping(tippingPicture, { width: roomOf(tippingPicture, 340), height: 200, points, level: target, crossings, now, low: ladder[0], high: ladder[ladder.length - 1], label: `${scaleWord(at.tau)} of the prior on tau` });
      redraw.tipping();
      tipped.textContent = tippingSentence(points, crossings, target, at.tau, claimText());
      tippingPicture.setAttribute("aria-label", `Probability of the claim along the scale of the prior on tau. ${tipped.textContent}`);
      root.answer.tipping = crossings.map((one) => one.scale);
    };
    setTimeout(work, 0);
  }

  // On the page.
  const pair = element("div", { class: "bm-pair" });
  wide.append(effectPicture, element("p", { class: "bm-key" }, "Solid: posterior; dashed: prior; shaded: the claim; bar: credible interval."));
  pair.append(tauPicture, tippingPicture, about, tipped);
  const left = element("div", { class: "bm-controls" });
  if (data.models.length > 1) {
    const which = chooser("model", data.models.map((one, i) => [String(i), one.label]), (i) => open(Number(i)));
    which.select.value = String(index);
    left.append(which.row);
  }
  left.append(...controls, reset);
  const said = element("div", { class: "bm-said" });
  said.append(answer, warning);
  body.append(said, left, wide, pair, words);
  if (!first || !first.marginal) {
    left.remove();
    answer.textContent = "The analysis’s own priors give no posterior here.";
    return;
  }
  lay();
  update();
  let room = body.clientWidth;
  new ResizeObserver(() => {
    if (body.clientWidth === room || job !== jobOf()) return;
    room = body.clientWidth;
    redraw.effect();
    redraw.tipping();
  }).observe(body);
}

// The width of a picture on the page, so that its letters keep their size; another one while nothing is shown.
function roomOf(box, otherwise) {
  return box.clientWidth > 100 ? box.clientWidth : otherwise;
}

function preOf(code) {
  const pre = element("pre", { tabindex: "0" });
  pre.append(code);
  return pre;
}
