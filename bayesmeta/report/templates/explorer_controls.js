// Sliders over ladders of round numbers, so that every position is a prior that can be written down.

const DIGITS = [1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2, 2.2, 2.5, 2.8, 3, 3.2, 3.5, 4, 4.5, 5, 5.5, 6, 7, 8, 9];

function withValues(ladder, values) {
  return [...new Set([...ladder, ...values])].sort((x, y) => x - y);
}

function logLadder(low, high, ...also) {
  const ladder = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++) {
    for (const digit of DIGITS) {
      const value = Number(`${digit}e${e}`);
      if (value >= low && value <= high) ladder.push(value);
    }
  }
  return withValues(ladder, also);
}

function linearLadder(low, high, ...also) {
  const step = niceStep(high - low, 120), ladder = [];
  for (let i = Math.floor(low / step); i <= Math.ceil(high / step); i++) ladder.push(Number((i * step).toPrecision(8)));
  return withValues(ladder, also);
}

let made = 0;

// A labelled slider; `say` writes a value, and the slider calls `moved` with it.
function slider(label, say, moved) {
  const id = `explorer-${++made}`, row = element("div", { class: "bm-row" });
  const input = element("input", { type: "range", id, min: 0, step: 1 }), output = element("output", { for: id });
  const name = element("label", { for: id }, label);
  row.append(name, output, input);
  let ladder = [0];
  const show = () => {
    const value = ladder[Number(input.value)];
    output.textContent = say(value);
    input.setAttribute("aria-valuetext", say(value));
  };
  input.addEventListener("input", () => { show(); moved(ladder[Number(input.value)]); });
  return {
    row, input, name,
    get ladder() { return ladder; },
    set(values, value) {
      ladder = values;
      input.max = String(ladder.length - 1);
      input.value = String(ladder.reduce((best, x, i) => (Math.abs(x - value) < Math.abs(ladder[best] - value) || x === value ? i : best), 0));
      show();
    },
  };
}

function chooser(label, options, moved) {
  const id = `explorer-${++made}`, row = element("div", { class: "bm-row" }), select = element("select", { id });
  row.append(element("label", { for: id }, label), select);
  const fill = (all) => select.replaceChildren(...all.map(([value, text]) => element("option", { value }, text)));
  fill(options);
  select.addEventListener("change", () => moved(select.value));
  return { row, select, fill };
}

function group(title, ...rows) {
  const box = element("fieldset");
  box.append(element("legend", {}, title), ...rows);
  return box;
}
