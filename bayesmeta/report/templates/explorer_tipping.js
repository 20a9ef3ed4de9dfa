// Where a probability crosses a level along the scale of a prior.

// Where a curve crosses a level, solved by bisection.
function crossingsOf(points, level, value) {
  const crossings = [];
  for (let i = 1; i < points.length; i++) {
    const [before, after] = [points[i - 1], points[i]];
    if (before.p === null || after.p === null || before.p >= level === after.p >= level) continue;
    let low = Math.log(before.scale), high = Math.log(after.scale);
    for (let j = 0; j < 12; j++) {
      const middle = 0.5 * (low + high), p = value(Math.exp(middle));
      if (p !== null && p >= level === before.p >= level) low = middle; else high = middle;
    }
    crossings.push({ scale: Math.exp(0.5 * (low + high)), falls: before.p >= level });
  }
  return crossings;
}

function tippingSentence(points, crossings, level, prior, claim) {
  const usable = points.filter((one) => one.p !== null), text = (scale) => withScale(prior, tidy(scale)).text;
  if (!usable.length) return "Too few effective draws are left along this scale to look for a tipping point.";
  const ends = `from ${text(usable[0].scale)} to ${text(usable[usable.length - 1].scale)}`;
  if (crossings.length) {
    const each = crossings.map((one) => `${one.falls ? "falls below" : "rises to"} ${level} at tau ~ ${text(one.scale)}`);
    return `Tipping point: along this scale, ${ends}, ${claim} ${each.join(" and ")}.`;
  }
  const values = usable.map((one) => one.p), side = values[0] >= level ? "stays above" : "stays below";
  return `No tipping point: along this scale, ${ends}, ${claim} ${side} ${level} (${writtenProbability(Math.min(...values))} to ${writtenProbability(Math.max(...values))}).`;
}
