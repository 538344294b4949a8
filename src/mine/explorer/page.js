"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const at = id => document.getElementById(id);
const dark = matchMedia("(prefers-color-scheme: dark)");
const QUANTITIES = {batch: "in-batch", heldout: "held out", population: "population"};
const SYMBOLS = {heldout: "square", population: "triangle-up"};
const THIN = 0.6, THICK = 1.6;

function make(tag, text, attributes = {}) {
  const element = document.createElement(tag);
  element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
function number(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  const text = size >= 1e6 ? value.toExponential(1) : size >= 1000 ? Math.round(value).toLocaleString("en")
    : value.toPrecision(size < 0.1 ? 2 : 3);
  return text.replace("-", "−");
}
const whole = value => value.toLocaleString("en");

// int32 steps, then rows of float32, little-endian; what is not finite becomes a gap.
function unpack(text, rows = 1) {
  const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
  const view = new DataView(bytes.buffer), n = bytes.length / (4 + 4 * rows);
  const step = [], values = Array.from({length: rows}, () => []);
  for (let i = 0; i < n; i++) {
    step.push(view.getInt32(4 * i, true));
    for (let row = 0; row < rows; row++) {
      const value = view.getFloat32(4 * (n * (1 + row) + i), true);
      values[row].push(Number.isFinite(value) ? value : null);
    }
  }
  return {step, values};
}

function fill(select, values, wanted, words = value => value) {
  const before = wanted ?? select.value;
  select.replaceChildren(...values.map(value => make("option", words(value), {value})));
  select.value = values.map(String).includes(String(before)) ? before : values[0];
}
function boxes(set, values, words, checked) {
  for (const box of set.querySelectorAll("label")) box.remove();
  for (const value of values) {
    const label = make("label", ""), box = make("input", "", {type: "checkbox", value});
    box.checked = checked(value);
    label.append(box, words(value));
    set.append(label);
  }
}
const ticked = set => [...set.querySelectorAll("input:checked")].map(box => box.value);

const experiment = () => data.experiments[at("experiment").value];
const cell = variant =>
  experiment().cells[[at("setting").value, variant, at("d").value, at("rho").value].join("|")];

// Every choice stands in the address, so that a view can be linked to.
let off = new Set();
function choices(wanted = {}) {
  fill(at("experiment"), Object.keys(data.experiments), wanted.experiment);
  fill(at("setting"), experiment().settings, wanted.setting, name => name === "base" ? "as the experiment says" : name);
  fill(at("d"), experiment().dims, wanted.d);
  fill(at("rho"), experiment().rhos, wanted.rho);
  const named = wanted.variants?.split(",");
  if (named) off = new Set(experiment().variants.filter(name => !named.includes(name)));
  boxes(at("variants"), experiment().variants, name => data.looks[name].label, name => !off.has(name));
  const seeds = new Set();
  let medians = false;
  for (const variant of experiment().variants) {
    for (const run of cell(variant)?.runs ?? []) seeds.add(run.seed);
    medians ||= Boolean(cell(variant)?.median?.batch);
  }
  const sorted = [...seeds].sort((a, b) => a - b);
  const words = {median: "median, quartiles", all: "every run"};
  fill(at("seeds"), [...(medians ? ["median"] : []), "all", ...sorted], wanted.runs, v => words[v] ?? "seed " + v);
  if (wanted.range) at("range").value = wanted.range;
}
const chosen = () => ({experiment: at("experiment").value, setting: at("setting").value, d: at("d").value,
  rho: at("rho").value, variants: ticked(at("variants")).join(","), runs: at("seeds").value, range: at("range").value});

function median(values) {
  const sorted = values.filter(value => value !== null && value !== undefined).sort((a, b) => a - b);
  return sorted.length ? (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2 : null;
}
function essAt(runs, step, column) {
  return median(runs.map(run => run.evals?.find(row => row[0] === step)?.[column]));
}

function points(variant, x, y, ess, colour, quantity, who) {
  return {x, y, mode: "markers", type: "scatter", showlegend: false,
    marker: {symbol: ess.map(e => SYMBOLS[quantity] + (e !== null && e < data.low_ess ? "-open" : "")), size: 8,
      color: colour, line: {width: 1.5, color: colour}},
    customdata: ess.map(number),
    hovertemplate: `update %{x}: %{y:.4~g} nats, ESS %{customdata}<extra>${who}, ${QUANTITIES[quantity]}</extra>`};
}
// faint: how opaque one run of several is, so that many together show where they are dense; 0 for a curve of its own.
function line(x, y, colour, who, unit, faint) {
  return {x, y, mode: "lines", type: "scatter", showlegend: false, connectgaps: false,
    line: {color: colour, width: faint ? THIN : THICK}, opacity: faint || 1, meta: faint,
    hovertemplate: `update %{x}: %{y:.4~g}${unit}<extra>${who}</extra>`};
}
function band(part, colour) {
  const {step, values: [low, high]} = unpack(part, 2), shapes = [];
  let x = [], lower = [], upper = [];
  const close = () => {
    if (x.length) shapes.push({x: [...x, ...x.slice().reverse()], y: [...upper, ...lower.slice().reverse()],
      type: "scatter", mode: "lines", fill: "toself", fillcolor: colour + "30", line: {width: 0},
      hoverinfo: "skip", showlegend: false});
    x = []; lower = []; upper = [];
  };
  step.forEach((s, i) => {
    if (low[i] === null || high[i] === null) return close();
    x.push(s); lower.push(low[i]); upper.push(high[i]);
  });
  close();
  return shapes;
}

function draw() {
  const theme = dark.matches ? "dark" : "light", css = getComputedStyle(document.documentElement);
  const ink = css.getPropertyValue("--ink").trim(), grid = css.getPropertyValue("--line").trim();
  const values = [], norms = [], shown = ticked(at("quantities")), seeds = at("seeds").value;
  const variants = ticked(at("variants")).filter(name => cell(name));
  let truth = null, steps = 1;
  for (const variant of variants) {
    const here = cell(variant), colour = data.looks[variant][theme], name = data.looks[variant].label;
    truth = here.truth;
    steps = Math.max(steps, here.steps + 1);
    // An empty curve for the legend, which names colours; shapes stand for the values.
    values.push({x: [null], y: [null], mode: "lines", name, line: {color: colour, width: 3}});
    if (seeds === "median") {
      const part = here.median;
      if (!part) continue;
      const curves = [["batch", values, " nats", shown.includes("batch")], ["grad", norms, "", true]];
      for (const [key, to, unit, show] of curves) {
        if (!part[key] || !show) continue;
        to.push(...band(part[key].band, colour));
        const curve = unpack(part[key].line);
        to.push(line(curve.step, curve.values[0], colour, name + ", median", unit, 0));
      }
      for (const [quantity, column, ess] of [["heldout", 2, 2], ["population", 5, 4]]) {
        if (!shown.includes(quantity)) continue;
        const rows = part.evals.filter(row => row[column] !== null);
        const trace = points(variant, rows.map(row => row[0]), rows.map(row => row[column]),
          rows.map(row => essAt(here.runs, row[0], ess)), colour, quantity, name + ", median");
        trace.error_y = {type: "data", symmetric: false, thickness: 1, width: 0, color: colour,
          array: rows.map(row => row[column + 2] === null ? 0 : row[column + 2] - row[column]),
          arrayminus: rows.map(row => row[column] - (row[column + 1] ?? row[column]))};
        values.push(trace);
      }
    }
    const runs = seeds === "median" ? [] : here.runs.filter(run => seeds === "all" || String(run.seed) === seeds);
    const faint = runs.length > 1 ? Math.min(0.4, Math.max(0.06, 2.5 / runs.length)) : 0;
    const ends = {x: [], y: [], text: []};
    for (const run of runs) {
      const who = `${name}, seed ${run.seed}`;
      if (run.grad) {
        const curve = unpack(run.grad);
        norms.push(line(curve.step, curve.values[0], colour, who, "", faint));
      }
      if (run.batch && shown.includes("batch")) {
        const curve = unpack(run.batch), y = curve.values[0];
        values.push(line(curve.step, y, colour, who + ", in-batch", " nats", faint));
        if (run.over) {
          ends.x.push(run.over);
          ends.y.push(y.filter(value => value !== null).at(-1) ?? truth);
          ends.text.push(`${who}: not finite at update ${whole(run.over)}; `
            + `last finite value ${number(ends.y.at(-1))} nats`);
        }
      }
      for (const [quantity, column] of [["heldout", 1], ["population", 3]]) {
        if (!run.evals || !shown.includes(quantity)) continue;
        const rows = run.evals.filter(row => row[column] !== null);
        values.push(points(variant, rows.map(row => row[0]), rows.map(row => row[column]),
          rows.map(row => row[column + 1]), colour, quantity, who));
      }
    }
    if (ends.x.length) values.push({...ends, ends: true, mode: "markers", type: "scatter", showlegend: false,
      marker: {symbol: "x-thin", size: 9, line: {width: 2, color: colour}},
      hovertemplate: "%{text}<extra>overflow</extra>"});
  }
  let range = null;
  if (truth !== null && at("range").value === "near") {
    range = [Math.min(-0.5, truth - Math.max(2, 1.2 * truth)), truth + Math.max(2, 0.9 * truth)];
    // A run that ended outside the view still shows its cross, at the edge.
    const rim = 0.02 * (range[1] - range[0]);
    for (const trace of values) if (trace.ends)
      trace.y = trace.y.map(y => Math.min(Math.max(y, range[0] + rim), range[1] - rim));
  }
  if (truth !== null) values.push({x: [1, steps], y: [truth, truth], mode: "lines", name: "truth",
    line: {color: ink, dash: "dash", width: 1.5}, hovertemplate: `truth: ${number(truth)} nats<extra></extra>`});
  for (const quantity of ["heldout", "population"]) if (shown.includes(quantity))
    values.push({x: [null], y: [null], mode: "markers", name: QUANTITIES[quantity],
      marker: {symbol: SYMBOLS[quantity], color: ink, size: 8}});
  if (seeds !== "median") values.push({x: [null], y: [null], mode: "markers", name: "overflow",
    marker: {symbol: "x-thin", size: 9, line: {width: 2, color: ink}}});
  const axis = {gridcolor: grid, linecolor: grid, zerolinecolor: grid, automargin: true};
  const layout = {paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", hovermode: "closest",
    font: {color: ink, family: "system-ui, DejaVu Sans, sans-serif", size: 13},
    margin: {l: 70, r: 15, t: 30, b: 42},
    modebar: {bgcolor: "rgba(0,0,0,0)", color: css.getPropertyValue("--faint").trim(), activecolor: ink},
    legend: {orientation: "h", y: 1.02, yanchor: "bottom", x: 0},
    xaxis: {...axis, title: {text: "update"}, range: [0, steps * 1.01]}};
  const options = {responsive: true, displaylogo: false, modeBarButtonsToRemove: ["lasso2d", "select2d"]};
  Plotly.react("values", values, {...layout, margin: {...layout.margin, t: 40},
    yaxis: {...axis, title: {text: "information (nats)"}, ...(range ? {range} : {autorange: true})}}, options);
  Plotly.react("norm", norms, {...layout, showlegend: false,
    yaxis: {...axis, title: {text: "gradient norm (L2)"}, type: "log", autorange: true,
      exponentformat: "power"}}, options);
  say(variants, truth);
  tabulate(variants);
}

function ending(runs) {
  const over = runs.filter(run => run.over).map(run => run.over), away = runs.filter(run => run.away && !run.over);
  const parts = [];
  const when = over.length > 1 ? `, between updates ${whole(Math.min(...over))} and ${whole(Math.max(...over))}`
    : ` at update ${whole(over[0] ?? 0)}`;
  if (over.length) parts.push(`${over.length} of ${runs.length} overflow${when}`);
  if (away.length) parts.push(`${away.length} of ${runs.length} run away without overflow`);
  return parts.join("; ") || `none of ${runs.length} diverges`;
}
// Where a chosen variant has no run in this cell: the settings in which it has some.
function elsewhere(name) {
  const named = Object.keys(experiment().cells).map(key => key.split("|")).filter(parts => parts[1] === name);
  const settings = [...new Set(named.map(parts => parts[0]))];
  return `${data.looks[name].label}: no run here; it has some in setting ${settings.join(", ")}.`;
}
function say(variants, truth) {
  const where = `${at("experiment").value}, ${at("setting").value}, d = ${at("d").value}, ρ = ${at("rho").value}`;
  const parts = variants.map(name => {
    const here = cell(name), last = here.median?.evals?.at(-1);
    const worth = last && last[5] !== null ? `; at the end, in the median: in-batch ${number(last[1])}, `
      + `held out ${number(last[2])}, population ${number(last[5])} nats` : "";
    return `${data.looks[name].label}: ${ending(here.runs)}${worth}.`;
  });
  parts.push(...ticked(at("variants")).filter(name => !cell(name)).map(elsewhere));
  const known = truth === null ? "" : `; truth ${number(truth)} nats`;
  at("said").textContent = `${where}${known}. ${parts.join(" ") || "No variant is chosen."}`;
  const {training, window: span} = cell(variants[0]) ?? {};
  at("how").textContent = (training ? `Trained with ${training}. ` : "")
    + (span ? `A point stands for a window of ${span}, at its last update: in-batch is the mean of the window, the `
      + "gradient's norm the largest of the window; held out and population are of its last update. " : "")
    + "Squares and triangles are hollow where the effective sample size is under " + data.low_ess
    + " (no evidence as a number). A median or quartile is drawn while it lies among runs that still go. "
    + `Long curves are cut into at most ${data.buckets} stretches; of each the smallest, the largest and the first `
    + "non-finite value are drawn, and of every run its first, last and last finite one, so that no spike is lost.";
  at("values").setAttribute("aria-label", "Information over training. " + at("said").textContent);
  at("norm").setAttribute("aria-label", "Gradient norm over training, logarithmic.");
}
function tabulate(variants) {
  const table = make("table", ""), seeds = at("seeds").value, one = seeds !== "median" && seeds !== "all";
  const head = one ? ["variant", "update", "held out", "ESS", "population", "ESS"]
    : ["variant", "update", "in-batch, median", "held out, median [quartiles]", "ESS, median",
      "population, median [quartiles]", "ESS, median", "runs still live"];
  const top = make("tr", "");
  top.append(...head.map(text => make("th", text, {scope: "col"})));
  table.append(top);
  for (const name of variants) {
    const here = cell(name), label = data.looks[name].label;
    const three = (row, c) => row[c] === null ? "–"
      : `${number(row[c])} [${number(row[c + 1])}, ${number(row[c + 2])}]`;
    const rows = one
      ? (here.runs.find(run => String(run.seed) === seeds)?.evals ?? []).map(row => [label, whole(row[0]),
        ...row.slice(1).map(number)])
      : (here.median?.evals ?? []).map(row => [label, whole(row[0]), number(row[1]), three(row, 2),
        number(essAt(here.runs, row[0], 2)), three(row, 5), number(essAt(here.runs, row[0], 4)),
        row[8] === null ? "–" : Math.round(100 * row[8]) + " %"]);
    for (const row of rows) {
      const line = make("tr", "");
      line.append(...row.map(text => make("td", text)));
      table.append(line);
    }
  }
  at("table").replaceChildren(table);
}

function ledger() {
  at("claims").hidden = !data.claims.length;
  const top = make("tr", "");
  top.append(...["", "claim", "verdict", "its traces"].map(text => make("th", text, {scope: "col"})));
  at("ledger").replaceChildren(top);
  for (const claim of data.claims) {
    const row = make("tr", "", {id: "claim-" + claim.name}), links = make("td", "");
    claim.views.forEach(view => {
      links.append(make("a", view.label, {href: `#claim=${claim.name}&${view.hash}`, title: view.verdict}), " ");
      links.append(make("span", `(${view.verdict})`, {class: "faint"}), make("br", ""));
    });
    const why = claim.verdict === "cannot be decided" ? claim.where : "not about runs on this page";
    if (!claim.views.length) links.append(make("span", why, {class: "faint"}));
    row.append(make("td", claim.number), make("td", claim.sentence), make("td", claim.verdict), links);
    at("ledger").append(row);
  }
  at("missing").hidden = !data.notes.length;
  at("notes").replaceChildren(...data.notes.map(note => make("li", note)));
}

// Where the page starts: a cell in which the variants part, if it is there.
const START = {experiment: "writeup", setting: "derangement", d: 5, rho: "0.95"};

// "#claim-NAME" is what the ledger's page links to: the claim, with its first view shown.
function follow() {
  const hash = location.hash.slice(1);
  let wanted = Object.fromEntries(new URLSearchParams(hash));
  const claim = data.claims.find(entry => hash === "claim-" + entry.name || wanted.claim === entry.name);
  if (hash.startsWith("claim-")) wanted = Object.fromEntries(new URLSearchParams(claim?.views[0]?.hash ?? ""));
  choices(hash ? wanted : START);
  draw();
  for (const row of at("ledger").rows) row.classList.toggle("here", row.id === "claim-" + claim?.name);
  if (claim) (hash.startsWith("claim-") ? at("claim-" + claim.name) : at("controls")).scrollIntoView();
}

boxes(at("quantities"), Object.keys(QUANTITIES), name => QUANTITIES[name], () => true);
at("controls").addEventListener("change", event => {
  if (event.target.closest("#variants"))
    off[event.target.checked ? "delete" : "add"](event.target.value);
  choices();
  draw();
  history.replaceState(null, "", "#" + new URLSearchParams(chosen()));
});
ledger();
follow();
// The run under the pointer stands out from the others.
for (const id of ["values", "norm"]) {
  const emphasise = on => event => {
    const {curveNumber: curve, data: {meta: faint}} = event.points[0];
    if (faint) Plotly.restyle(id, {opacity: on ? 1 : faint, "line.width": on ? THICK : THIN}, [curve]);
  };
  at(id).on("plotly_hover", emphasise(true));
  at(id).on("plotly_unhover", emphasise(false));
}
addEventListener("hashchange", follow);
dark.addEventListener("change", draw);
document.documentElement.dataset.ready = "yes";
