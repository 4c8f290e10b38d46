import { decode, draw, drawBeat, element } from "./paper.js";
import { Calipers } from "./calipers.js";

const $ = (id) => document.getElementById(id);
const calipers = new Calipers($("paper"), $("calipers"));
let schema = null;
let results = [];
let chosen = -1;
let sorting = { column: "name", up: true };

const percent = (value) => `${(100 * value).toFixed(1)} %`;

function node(name, text = "", attributes = {}) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function headers() {
  return $("token").value ? { Authorization: `Bearer ${$("token").value}` } : {};
}

async function get(path, accept = "*/*") {
  const response = await fetch(path, { headers: { Accept: accept, ...headers() } });
  if (response.status === 401) document.querySelector(".token").hidden = false;
  if (!response.ok) throw new Error((await response.json().catch(() => ({}))).error || `status ${response.status}`);
  return response;
}

async function describeModel() {
  schema = await (await get("v1/schema")).json();
  const model = schema.model;
  const trained = model.simulated ? " It was trained on simulated ECGs: its answers say nothing about patients." : "";
  $("version").textContent = `${model.address}, version ${model.version ?? "unknown"}, ${model.architecture}; tells apart ${Object.keys(schema.classes).join(", ")}.${trained}`;
  try {
    $("card").innerHTML = await (await get("v1/card", "text/html")).text();
  } catch {
    $("card").textContent = "This model came without a card.";
  }
}

async function showDrift() {
  const { text, sources, reference, false_alarm_rate: rate } = await (await get("v1/drift")).json();
  const lines = sources.map((one) => node("p", `${one.source === "all" ? "" : `Source ${one.source}: `}${one.text}`, one.drift ? { class: "error" } : {}));
  $("drift").replaceChildren(...(lines.length ? lines : [node("p", text || "No record has come yet.")]));
  const judged = sources.filter((one) => one.characteristics.length);
  $("drift-details").hidden = !judged.length;
  if (!judged.length) return;
  $("drift-hint").textContent = `Compared with ${reference.records.toLocaleString("en")} validation and calibration records by the population stability index (PSI) and the Kolmogorov-Smirnov distance (KS). Of records of the same source at most ${percent(rate)} of comparisons report a drift by chance.`;
  const top = node("tr"), body = node("tbody"), head = node("thead");
  for (const title of ["Source", "Characteristic", "PSI (limit)", "KS (limit)", "Largest change"]) top.append(node("th", title, { scope: "col" }));
  head.append(top);
  const figure = (value, limit) => (value === null ? "–" : `${value.toFixed(2)} (${limit.toFixed(2)})`);
  for (const one of judged) {
    for (const each of [...one.characteristics].sort((a, b) => b.drift - a.drift)) {
      const row = node("tr", "", each.drift ? { class: "chosen" } : {});
      row.append(node("td", one.source), node("th", each.title, { scope: "row" }), node("td", figure(each.psi, each.psi_threshold)),
        node("td", figure(each.ks, each.ks_threshold)), node("td", `${each.drift ? "Differs: " : ""}${each.change}`));
      body.append(row);
    }
  }
  $("drift-table").replaceChildren(head, body);
}

function reviewForm(result) {
  const form = node("form", "", { class: "review" }), select = node("select"), label = node("label", "Reviewed rhythm ");
  for (const name of ["", ...Object.keys(schema.classes)]) select.append(node("option", name));
  const told = node("span", "", { role: "status" });
  label.append(select);
  form.append(label, node("button", "Send", { type: "submit" }), " ", told);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!select.value) return;
    try {
      const body = JSON.stringify({ id: result.id, rhythm: select.value });
      const response = await fetch("v1/feedback", { method: "POST", body, headers: { ...headers(), "Content-Type": "application/json" } });
      const answer = await response.json();
      told.textContent = response.ok ? `Kept: ${answer.agrees ? "agrees with" : "differs from"} the model.` : `Not kept: ${answer.error}`;
    } catch (error) {
      told.textContent = `Not kept: ${error.message}`;
    }
  });
  return form;
}

async function listDemos() {
  for (const { name, title } of await (await get("v1/demos")).json()) {
    const button = node("button", title, { type: "button" });
    button.addEventListener("click", async () => {
      const data = await (await get(`v1/demos/${name}`)).blob();
      await send([new File([data], name)], { fs: "500", unit: "uV" });
    });
    $("demos").append(button, " ");
  }
}

async function send(files, stated = {}) {
  if (!files.length) return;
  const form = new FormData();
  for (const file of files) form.append("file", file, file.name);
  const fs = stated.fs || $("fs").value.trim(), unit = stated.unit || $("unit").value;
  if (fs) form.append("fs", fs);
  if (unit) form.append("unit", unit);
  const clinical = {};
  if ($("age").value.trim()) clinical.age = Number($("age").value.trim());
  if ($("sex").value) clinical.sex = $("sex").value;
  if (Object.keys(clinical).length) form.append("clinical", JSON.stringify(clinical));
  form.append("draw", "true");
  form.append("explain", files.length === 1 ? "true" : "false");
  $("status").className = "";
  $("status").textContent = `Sending ${files.length} file${files.length > 1 ? "s" : ""} …`;
  try {
    const response = await fetch("v1/predict", { method: "POST", body: form, headers: headers() });
    if (response.status === 401) document.querySelector(".token").hidden = false;
    const body = await response.json();
    if (!response.ok) throw new Error(body.error);
    results = body.results.map((result) => ({ ...result, name: files[result.file]?.name ?? `file ${result.file}` }));
    const failed = results.filter((result) => result.error).length;
    $("status").textContent = `${results.length - failed} answered${failed ? `, ${failed} unusable` : ""}.`;
    showDrift().catch(() => {});
    showTable();
    choose(Math.max(0, results.findIndex((result) => !result.error)));
  } catch (error) {
    $("status").className = "error";
    $("status").textContent = `Not answered: ${error.message}`;
  }
}

const COLUMNS = [
  ["name", "File", (result) => result.name],
  ["rhythm", "Rhythm", (result) => (result.error ? "error" : result.abstained ? "no answer" : result.rhythm)],
  ["probability", "Probability", (result) => (result.error ? null : Math.max(...Object.values(result.probabilities)))],
  ["rate", "Rate, /min", (result) => result.measurements?.ventricular_rate?.value ?? null],
  ["remark", "Remark", (result) => result.error ?? (result.reason || (result.suspicions || [])[0] || "")],
];

function showTable() {
  $("batch").hidden = results.length < 2;
  const head = node("tr");
  for (const [key, title] of COLUMNS) {
    const cell = node("th", "", { scope: "col", "aria-sort": sorting.column === key ? (sorting.up ? "ascending" : "descending") : "none" });
    const button = node("button", title + (sorting.column === key ? (sorting.up ? " ▲" : " ▼") : ""), { type: "button" });
    button.addEventListener("click", () => {
      sorting = { column: key, up: sorting.column === key ? !sorting.up : true };
      showTable();
    });
    cell.append(button);
    head.append(cell);
  }
  const value = COLUMNS.find(([key]) => key === sorting.column)[2];
  const order = results.map((_, place) => place).sort((a, b) => {
    const [x, y] = [value(results[a]) ?? "", value(results[b]) ?? ""];
    return (x < y ? -1 : x > y ? 1 : a - b) * (sorting.up ? 1 : -1);
  });
  const body = node("tbody");
  for (const place of order) {
    const row = node("tr", "", place === chosen ? { class: "chosen" } : {});
    COLUMNS.forEach(([key, , of]) => {
      const told = of(results[place]);
      const text = told === null ? "" : key === "probability" ? percent(told) : key === "rate" ? told.toFixed(0) : String(told);
      const cell = node("td", key === "name" ? "" : text, ["probability", "rate"].includes(key) ? { class: "number" } : {});
      if (key === "name") {
        const button = node("button", text, { type: "button" });
        button.addEventListener("click", () => choose(place));
        cell.append(button);
      }
      row.append(cell);
    });
    body.append(row);
  }
  const top = node("thead");
  top.append(head);
  $("table").replaceChildren(top, body);
}

function saveCsv() {
  const classes = Object.keys(schema.classes);
  const quote = (text) => `"${String(text ?? "").replaceAll('"', '""')}"`;
  const lines = [["file", "rhythm", "abstained", "reason", "error", ...classes, ...schema.clinical.map((column) => column.name)].join(",")];
  for (const result of results) {
    lines.push([
      quote(result.name), result.rhythm ?? "", result.abstained ?? "", quote(result.reason), quote(result.error),
      ...classes.map((label) => result.probabilities?.[label] ?? ""),
      ...schema.clinical.map((column) => result.measurements?.[column.name]?.value ?? ""),
    ].join(","));
  }
  const link = node("a", "", { href: URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" })), download: "ecg-rhythms.csv" });
  link.click();
  URL.revokeObjectURL(link.href);
}

function choose(place) {
  chosen = place;
  showTable();
  const result = results[place];
  $("results").hidden = false;
  calipers.clear();
  $("ecg-title").textContent = `ECG: ${result.name}`;
  showAnswer(result);
  if (result.error) {
    for (const id of ["paper", "quality", "measurements", "beat", "legend"]) $(id).replaceChildren();
    return;
  }
  if (!result.drawing.samples) {
    result.drawing.samples = true;
    result.drawing.raw = decode(result.drawing.raw);
    result.drawing.filtered = decode(result.drawing.filtered);
    if (result.explanation) result.explanation.limit = limitOf(result.explanation);
  }
  $("attribution").disabled = !result.explanation;
  if (!result.explanation) $("attribution").checked = false;
  redraw();
  showQuality(result);
  showMeasurements(result);
  $("beat").replaceChildren(result.drawing.beat ? drawBeat(result.drawing.beat) : node("p", "Not measured: too few beats that resemble each other."));
}

// The strongest tenth of all places is drawn: what is weaker is noise to the eye.
function limitOf(explanation) {
  const all = Object.values(explanation.waveform).flat().map(Math.abs).sort((a, b) => a - b);
  return Math.max(all[Math.floor(all.length * 0.9)], 1e-9);
}

function redraw() {
  const result = results[chosen];
  if (!result || result.error) return;
  const options = { layout: $("layout").value, speed: Number($("speed").value), gain: Number($("gain").value), filter: $("filter").value };
  const { svg, placed } = draw(result.drawing, options, $("attribution").checked ? result.explanation : null);
  const zoom = $("zoom").value;
  $("paper").classList.toggle("fit", zoom === "fit");
  if (zoom !== "fit") {
    svg.setAttribute("width", `${placed.width * Number(zoom)}mm`);
    svg.setAttribute("height", `${placed.height * Number(zoom)}mm`);
  }
  $("paper").replaceChildren(svg);
  calipers.attach(svg, placed, options);
  $("legend").textContent = $("attribution").checked
    ? `Solid: raised the odds of ${result.explanation.rhythm}; dotted: lowered them (integrated gradients, the strongest tenth).` : "";
}

function showAnswer(result) {
  const box = $("answer");
  box.replaceChildren();
  if (result.error) {
    box.append(node("p", `Unusable: ${result.error}`, { class: "error" }));
    return;
  }
  const best = result.probabilities[result.rhythm];
  box.append(node("p", result.abstained
    ? `No answer: ${result.reason}. The most probable class would be ${result.rhythm} (${percent(best)}).`
    : `${result.rhythm}, with a probability of ${percent(best)}.`));
  if (result.set) {
    const outside = result.set.length && !result.set.includes(result.rhythm);
    const words = result.set.length ? result.set.join(" or ") : "none of the classes";
    box.append(node("p", `Conformal set: ${words}.${outside ? " The most probable class is not in it: this ECG is unusual for that class." : ""}`));
  }
  const table = node("table", "", { class: "bars" });
  for (const [label, probability] of Object.entries(result.probabilities).sort((a, b) => b[1] - a[1])) {
    const row = node("tr"), bar = element("svg", { class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });
    bar.append(element("rect", { class: "whole", width: 100, height: 10 }), element("rect", { width: Math.max(0.5, 100 * probability), height: 10 }));
    const cell = node("td");
    cell.append(bar);
    row.append(node("th", label, { scope: "row" }), cell, node("td", percent(probability), { class: "number" }));
    table.append(row);
  }
  box.append(table);
  for (const note of result.notes) box.append(node("p", note, { class: "hint" }));
  if (schema.feedback) box.append(reviewForm(result));
}

function showQuality(result) {
  const faults = Object.entries(result.quality).filter(([, state]) => state !== "usable");
  const words = faults.length ? `Not used: ${faults.map(([lead, state]) => `${lead} (${state})`).join(", ")}.` : "All twelve leads are usable.";
  $("quality").replaceChildren(node("p", words), ...result.suspicions.map((suspicion) => node("p", `Suspected: ${suspicion}.`, { class: "error" })));
}

function showMeasurements(result) {
  const table = node("table"), top = node("tr");
  for (const title of ["Measurement", "Value", "Origin", "Certainty"]) top.append(node("th", title, { scope: "col" }));
  const head = node("thead"), body = node("tbody");
  head.append(top);
  for (const [name, told] of Object.entries(result.measurements)) {
    const column = schema.clinical.find((one) => one.name === name);
    const row = node("tr"), digits = Math.abs(told.value ?? 0) >= 20 ? 0 : 2;
    const value = name === "sex" ? ({ 0: "male", 1: "female" }[told.value] ?? "–") : told.value === null ? "–" : told.value.toFixed(digits);
    const unit = value === "–" || name === "sex" || told.unit === "1" ? "" : told.unit.startsWith("1/") ? told.unit.slice(1) : told.unit === "degrees" ? "°" : ` ${told.unit}`;
    const spread = [["beats", told.beat_spread], ["leads", told.lead_spread]].filter(([, ms]) => ms !== undefined && ms !== null);
    const certainty = told.reason || spread.map(([over, ms]) => `±${ms.toFixed(0)} ms over ${over}`).join(", ");
    row.append(node("th", column?.description ?? told.description ?? name, { scope: "row" }), node("td", `${value}${unit}`), node("td", told.origin), node("td", certainty));
    body.append(row);
  }
  table.append(head, body);
  $("measurements").replaceChildren(table);
}

function print() {
  const zoom = $("zoom").value;
  $("zoom").value = "1"; // true to size
  redraw();
  window.print();
  $("zoom").value = zoom;
  redraw();
}

for (const id of ["layout", "speed", "gain", "filter", "zoom", "attribution"]) $(id).addEventListener("change", redraw);
$("clear").addEventListener("click", () => calipers.clear());
$("print").addEventListener("click", print);
$("csv").addEventListener("click", saveCsv);
$("files").addEventListener("change", () => send([...$("files").files]));
$("form").addEventListener("submit", (event) => event.preventDefault());
const drop = $("drop");
drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => { event.preventDefault(); drop.classList.remove("over"); send([...event.dataTransfer.files]); });
$("token").addEventListener("change", () => { describeModel(); listDemos(); showDrift(); });
describeModel().catch((error) => { $("version").textContent = `The model cannot be described: ${error.message}`; });
listDemos().catch(() => {});
showDrift().catch(() => {});
