// Where the posterior of tau lies: mode, width and ends of a log density on a line, as in bayesmeta/quadrature/grid.py.

const LINE = [-720, 340];      // beyond these tau^2 is no number
const NEGLIGIBLE = 33;         // nodes end where the integrand is exp(-33) of its largest value

// Mode, width and range of a log density on the line.
function locate(f, scan, line, gain) {
  let points = [...new Set(scan.map((v) => Math.min(Math.max(v, LINE[0]), line[1])))].sort((x, y) => x - y);
  let values = points.map(f);
  const best = () => values.indexOf(Math.max(...values));
  for (let i = 0; i < 40; i++) {
    const at = best(), end = points.length - 1;
    if (at === 0 && points[0] > LINE[0]) points.unshift(points[0] - 3), values.unshift(f(points[0]));
    else if (at === end && points[end] < line[1]) points.push(points[end] + 3), values.push(f(points[end + 1]));
    else break;
  }
  let peak = closedIn(f, points, values, best());
  let grid, sides;
  for (let i = 0; i < 3; i++) {
    grid = { mode: peak.mode, width: peak.width };
    sides = [sideOf(f, grid, line[0]), sideOf(f, grid, line[1])];
    const all = [...sides[0].reverse(), { s: 0, v: peak.mode, value: peak.top }, ...sides[1]];
    sides[0].reverse();
    const top = all.reduce((at, one, j) => (one.value > all[at].value ? j : at), 0);
    if (!(all[top].value > peak.top + 1)) break;
    peak = closedIn(f, all.map((one) => one.v), all.map((one) => one.value), top);
  }
  const limit = peak.top + Math.log(grid.width) - NEGLIGIBLE;
  grid.first = reachOf(f, grid, sides[0], limit, 0);
  grid.last = reachOf(f, grid, sides[1], limit, gain);
  grid.needed = 0;
  for (let i = 1; i < points.length - 1; i++) {  // another mode that counts
    if (!(values[i] > values[i - 1] && values[i] >= values[i + 1]) || (points[i - 1] <= grid.mode && grid.mode <= points[i + 1])) continue;
    const other = closedIn(f, points, values, i);
    if (other.top + gain * Math.max(other.mode - grid.mode, 0) + Math.log(other.width) < limit) continue;
    const second = { mode: other.mode, width: other.width }, s = Math.asinh((other.mode - grid.mode) / grid.width);
    const ends = [[line[0], 0], [line[1], gain]].map(([end, g]) => {
      const level = limit - g * Math.max(other.mode - grid.mode, 0);
      const v = other.mode + other.width * Math.sinh(reachOf(f, second, sideOf(f, second, end), level, g));
      return Math.asinh((v - grid.mode) / grid.width);
    });
    grid.first = Math.min(grid.first, ends[0]);
    grid.last = Math.max(grid.last, ends[1]);
    grid.needed = Math.max(grid.needed, Math.ceil(((grid.last - grid.first) * grid.width * Math.cosh(s)) / (other.width / 1.4)));
  }
  return grid;
}

// Points from the mode to an end of the line, equally spaced in s.
function sideOf(f, grid, end) {
  const steps = 16, reach = Math.asinh((end - grid.mode) / grid.width), points = [];
  for (let i = 1; i <= steps; i++) {
    const s = (reach * i) / steps, v = grid.mode + grid.width * Math.sinh(s);
    points.push({ s, v, value: f(v) });
  }
  return points;
}

// The s beyond which the integrand, times tau to the power `gain`, stays below a limit.
function reachOf(f, grid, side, limit, gain) {
  const size = (s, value) => value + Math.log(grid.width * Math.cosh(s)) + gain * Math.max(grid.width * Math.sinh(s), 0);
  let last = -1;
  side.forEach((one, i) => { if (size(one.s, one.value) > limit) last = i; });
  if (last === side.length - 1) return side[last].s;
  const step = side[0].s, from = last < 0 ? 0 : side[last].s;
  let kept = 0;
  for (let i = 1; i < 8; i++) {
    const s = from + (step * i) / 8;
    if (size(s, f(grid.mode + grid.width * Math.sinh(s))) > limit) kept = i;
  }
  return from + (step * (kept + 1)) / 8;
}

// Close in on the highest of some points until a parabola fits.
function closedIn(f, points, values, at) {
  const near = (i) => Math.min(Math.max(i, 0), points.length - 1);
  let three = [at - 1, at, at + 1].map((i) => ({ v: points[near(i)], value: values[near(i)] }));
  for (let round = 0; round < 60; round++) {
    const [left, middle, right] = three;
    if (middle.value - Math.min(left.value, right.value) < 3) break;
    const inner = [middle];
    for (let i = 1; i < 8; i++) {
      const v = left.v + ((right.v - left.v) * i) / 8;
      if (v !== middle.v) inner.push({ v, value: f(v) });
    }
    const all = [left, ...inner.sort((x, y) => x.v - y.v), right];
    const top = all.reduce((best, one, i) => (one.value > all[best].value ? i : best), 0);
    three = [top - 1, top, top + 1].map((i) => all[Math.min(Math.max(i, 0), all.length - 1)]);
    if (!(right.v - left.v > 1e-12 * (1 + Math.abs(middle.v)))) break;
  }
  const [left, middle, right] = three, before = Math.max(middle.v - left.v, 1e-300), after = Math.max(right.v - middle.v, 1e-300);
  const rise = (middle.value - left.value) / before, fall = (right.value - middle.value) / after;
  let curvature = (2 * (rise - fall)) / (before + after);
  if (!(curvature > 1)) curvature = 1;
  const move = (rise * after + fall * before) / (before + after) / curvature;
  return { mode: middle.v + (Number.isFinite(move) ? Math.min(Math.max(move, -before), after) : 0), width: 1.4 / Math.sqrt(curvature), top: middle.value };
}

