// Curves as SVG, drawn anew whenever a number changes.

const SVG = "http://www.w3.org/2000/svg";

function element(name, attributes = {}, text = "") {
  const made = name.startsWith("svg:") ? document.createElementNS(SVG, name.slice(4)) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

// How values are read: the axis stays that of the analysis, its ticks are at round numbers of the scale of the reader.
const SCALES = {
  identity: { to: (x) => x, from: (x) => x },
  exp: { to: Math.exp, from: Math.log },
  expit: { to: (x) => 1 / (1 + Math.exp(-x)), from: (x) => Math.log(x / (1 - x)) },
  tanh: { to: Math.tanh, from: Math.atanh },
};

function niceStep(room, most) {
  const rough = room / most, power = 10 ** Math.floor(Math.log10(rough));
  return power * [1, 2, 2.5, 5, 10].find((x) => x * power >= rough * 0.999999);
}

function ticksOf(low, high, scale, most = 6) {
  if (scale !== "exp") {
    const { to, from } = SCALES[scale], step = niceStep(to(high) - to(low), most), ticks = [];
    for (let i = Math.ceil(to(low) / step - 1e-9); i * step <= to(high) + 1e-9 * step; i++) {
      const at = from(Number((i * step).toPrecision(12)));
      if (Number.isFinite(at)) ticks.push([at, Number((i * step).toPrecision(6))]);
    }
    return ticks;
  }
  for (const digits of [[1, 1.25, 1.5, 2, 3, 4, 5, 7], [1, 1.5, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]]) {
    const ticks = [];
    for (let e = Math.floor(low / Math.LN10) - 1; e <= Math.ceil(high / Math.LN10); e++) {
      for (const digit of digits) {
        const value = Number((digit * 10 ** e).toPrecision(6)), at = Math.log(value);
        if (at >= low - 1e-9 && at <= high + 1e-9) ticks.push([at, value]);
      }
    }
    if (ticks.length <= most + 1) return ticks.length > 2 || high - low > 1.5 ? ticks : ratioTicks(low, high, most);
  }
  const every = Math.ceil((high - low) / Math.LN10 / most), powers = [];
  for (let e = Math.ceil(low / Math.LN10); e * Math.LN10 <= high; e += every) powers.push([e * Math.LN10, Number(`1e${e}`)]);
  return powers;
}

function ratioTicks(low, high, most) {
  const step = niceStep(Math.exp(high) - Math.exp(low), most - 1), ticks = [];
  for (let i = Math.ceil(Math.exp(low) / step); i * step <= Math.exp(high); i++) ticks.push([Math.log(i * step), Number((i * step).toPrecision(6))]);
  return ticks;
}

function tickText(value) {
  const size = Math.abs(value);
  return (size !== 0 && (size < 1e-4 || size >= 1e6) ? value.toExponential() : String(value)).replace(/-/g, "−").replace("e+", "e");
}

// The power of ten that numbers along a linear axis are written without, where each would need many digits; 0 otherwise.
function powerOf(ticks, scale) {
  const most = Math.max(...ticks.map(([, value]) => Math.abs(value)));
  return scale === "exp" || most === 0 || (most >= 1e-3 && most < 1e6) ? 0 : orderOf(most);
}

function powerText(power) {
  return ` (× 10${String(power).replace(/./g, (sign) => (sign === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[sign]))})`;
}

// A frame with an axis below. `low` and `high` are the ends of the axis; returns the maps to its coordinates.
function frame(svg, { width, height, low, high, scale, label, left = 12, top = 8 }) {
  const bottom = 40, right = 14;
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const x = (value) => left + ((value - low) / (high - low)) * (width - left - right);
  const base = height - bottom;
  svg.append(element("svg:line", { x1: left, x2: width - right, y1: base, y2: base, class: "axis" }));
  const ticks = ticksOf(low, high, scale, Math.max(2, Math.floor((width - left) / 70))), power = powerOf(ticks, scale);
  for (const [at, value] of ticks) {
    svg.append(element("svg:line", { x1: x(at), x2: x(at), y1: base, y2: base + 4, class: "axis" }));
    const shown = Number((value * 10 ** -power).toPrecision(6));
    svg.append(element("svg:text", { x: x(at), y: base + 17, "text-anchor": "middle" }, tickText(shown)));
  }
  svg.append(element("svg:text", { x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle", class: "label" }, power ? label + powerText(power) : label));
  return { x, y: (share) => base - share * (base - top), base, left, right: width - right, top, clamp: (value) => Math.min(Math.max(x(value), left), width - right) };
}

function pathOf(points) {
  return `M${points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join("L")}`;
}

// Posterior, prior and the side that a claim is about.
function drawDensity(svg, { low, high, posterior, prior, claim, interval, mark, ...rest }) {
  const at = frame(svg, { low, high, ...rest }), xs = Array.from({ length: 181 }, (_, i) => low + ((high - low) * i) / 180);
  const ys = xs.map(posterior), priors = prior ? xs.map(prior) : [];
  const finite = (values) => values.filter(Number.isFinite), most = Math.max(...finite(ys), 1e-300) * 1.06;
  const curve = (values) => xs.map((x, i) => [at.x(x), at.y(Math.min(Number.isFinite(values[i]) ? values[i] / most : 1, 1))]);
  if (claim) {
    const from = claim.below ? low : claim.threshold, to = claim.below ? claim.threshold : high;
    const inside = [...xs.keys()].filter((i) => xs[i] > from && xs[i] < to).map((i) => [xs[i], ys[i]]);
    for (const end of [from, to]) if (end >= low && end <= high) inside.push([end, posterior(end)]);
    inside.sort((p, q) => p[0] - q[0]);
    if (inside.length > 1) {
      const area = inside.map(([x, density]) => [at.x(x), at.y(Math.min(density / most, 1))]);
      const ends = [[area[0][0], at.base], ...area, [area[area.length - 1][0], at.base]];
      svg.append(element("svg:path", { d: `${pathOf(ends)}Z`, class: "claimed" }));
    }
  }
  if (mark !== undefined && mark > low && mark < high) svg.append(element("svg:line", { x1: at.x(mark), x2: at.x(mark), y1: at.top, y2: at.base, class: "null" }));
  if (priors.length) svg.append(element("svg:path", { d: pathOf(curve(priors)), class: "prior" }));
  svg.append(element("svg:path", { d: pathOf(curve(ys)), class: "posterior" }));
  if (interval) svg.append(element("svg:line", { x1: at.clamp(interval[0]), x2: at.clamp(interval[1]), y1: at.base - 4, y2: at.base - 4, class: "interval" }));
}

// Probability along the scale of the prior on tau, on a logarithmic axis, with the level and where it is crossed.
function drawTipping(svg, { points, level, crossings, now, low, high, ...rest }) {
  const at = frame(svg, { low: Math.log(low), high: Math.log(high), scale: "exp", left: 38, ...rest });
  const values = points.filter((one) => one.p !== null).map((one) => one.p);
  const least = Math.min(...values, level), most = Math.max(...values, level);
  const room = Math.max(most - least, 0.02), from = Math.max(least - 0.15 * room, 0), to = Math.min(most + 0.15 * room, 1);
  const y = (p) => at.y((p - from) / (to - from));
  for (const [, value] of ticksOf(from, to, "identity", 4)) {
    svg.append(element("svg:text", { x: at.left - 5, y: y(value) + 4, "text-anchor": "end" }, tickText(value)));
  }
  svg.append(element("svg:line", { x1: at.left, x2: at.right, y1: y(level), y2: y(level), class: "level" }));
  let run = [];
  const draw = () => { if (run.length > 1) svg.append(element("svg:path", { d: pathOf(run), class: "posterior" })); run = []; };
  for (const one of points) {
    if (one.p === null) draw(); else run.push([at.x(Math.log(one.scale)), y(one.p)]);
  }
  draw();
  for (const one of crossings) {
    const x = at.x(Math.log(one.scale));
    svg.append(element("svg:line", { x1: x, x2: x, y1: at.top, y2: at.base, class: "tipping" }));
    svg.append(element("svg:path", { d: `M${x - 5},${at.base}L${x + 5},${at.base}L${x},${at.base - 9}Z`, class: "tip" }));
  }
  if (now && now.p !== null) svg.append(element("svg:circle", { cx: at.clamp(Math.log(now.scale)), cy: y(Math.min(Math.max(now.p, from), to)), r: 4.5, class: "now" }));
}
