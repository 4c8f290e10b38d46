// A 12-lead ECG on paper as SVG. Page coordinates are millimetres, so that a print is true to size.

export const LEADS = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"];

const LAYOUTS = {
  "3x4": { rows: [["I", "aVR", "V1", "V4"], ["II", "aVL", "V2", "V5"], ["III", "aVF", "V3", "V6"]], strip: null },
  "3x4+1": { rows: [["I", "aVR", "V1", "V4"], ["II", "aVL", "V2", "V5"], ["III", "aVF", "V3", "V6"]], strip: "II" },
  "6x2": { rows: [["I", "V1"], ["II", "V2"], ["III", "V3"], ["aVR", "V4"], ["aVL", "V5"], ["aVF", "V6"]], strip: null },
  "12x1": { rows: LEADS.map((lead) => [lead]), strip: null },
};
const LEFT_MM = 20;
const TOP_MM = 8;
const FOOT_MM = 9;
const SHOWN_S = 10;
const SVG = "http://www.w3.org/2000/svg";

export function element(name, attributes = {}, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

/** Return samples (µV, int16; the least value is a missing one) of a base64 text. */
export function decode(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return new Int16Array(bytes.buffer);
}

export const MISSING = -32768;

/** Return where each lead stands: {lead, start_s, stop_s, left_mm, middle_mm}, and the page's size. */
export function place(record, options) {
  const { rows, strip } = LAYOUTS[options.layout];
  const duration = Math.min(record.n_times / record.fs, SHOWN_S);
  const columns = rows[0].length;
  const row_mm = (options.layout === "12x1" ? 15 : options.layout === "6x2" ? 22 : 34) * Math.max(1, options.gain / 10);
  const cells = [];
  rows.forEach((leads, row) => leads.forEach((lead, column) => {
    const start_s = (duration * column) / columns;
    const stop_s = (duration * (column + 1)) / columns;
    cells.push({ lead, start_s, stop_s, row, left_mm: LEFT_MM + start_s * options.speed, middle_mm: TOP_MM + (row + 0.5) * row_mm });
  }));
  if (strip) {
    cells.push({ lead: strip, start_s: 0, stop_s: duration, row: rows.length, left_mm: LEFT_MM, middle_mm: TOP_MM + (rows.length + 0.5) * row_mm });
  }
  const n_rows = rows.length + (strip ? 1 : 0);
  return { cells, n_rows, row_mm, width: LEFT_MM + duration * options.speed + 6, height: TOP_MM + n_rows * row_mm + FOOT_MM };
}

function grid(width, height) {
  const group = element("g", { "aria-hidden": "true" });
  let fine = "", bold = "";
  for (let x = 0; x <= width; x += 1) (x % 5 ? (fine += `M${x} 0V${height}`) : (bold += `M${x} 0V${height}`));
  for (let y = 0; y <= height; y += 1) (y % 5 ? (fine += `M0 ${y}H${width}`) : (bold += `M0 ${y}H${width}`));
  group.append(element("path", { class: "fine", d: fine }), element("path", { class: "bold", d: bold }));
  return group;
}

function median(values) {
  const sorted = Array.from(values).filter((value) => value !== MISSING).sort((a, b) => a - b);
  return sorted.length ? sorted[sorted.length >> 1] : 0;
}

/** Draw a record; return the SVG and where its leads stand. */
export function draw(record, options, attribution = null) {
  const placed = place(record, options);
  const width = Math.ceil(placed.width), height = Math.ceil(placed.height);
  const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, width: `${width}mm`, height: `${height}mm`, role: "img", "aria-label": `ECG, ${options.layout}, ${options.speed} mm/s, ${options.gain} mm/mV` });
  svg.append(grid(width, height));
  const samples = record[options.filter];
  for (const cell of placed.cells) {
    const index = LEADS.indexOf(cell.lead);
    const from = Math.round(cell.start_s * record.fs), to = Math.round(cell.stop_s * record.fs);
    const lead = samples.subarray(index * record.n_times, (index + 1) * record.n_times);
    const level = median(lead);
    const at = (time) => {
      const x = cell.left_mm + (time / record.fs - cell.start_s) * options.speed;
      const y = cell.middle_mm - ((lead[time] - level) / 1000) * options.gain;
      return `${x.toFixed(2)} ${y.toFixed(2)}`;
    };
    if (attribution) svg.append(...layer(attribution, cell, at, record, from, to));
    let path = "", drawing = false;
    for (let time = from; time < to; time += 1) {
      if (lead[time] === MISSING) { drawing = false; continue; }
      path += `${drawing ? "L" : "M"}${at(time)}`;
      drawing = true;
    }
    svg.append(element("path", { class: "trace", d: path }));
    if (cell.left_mm > LEFT_MM) {
      svg.append(element("path", { class: "separator", d: `M${cell.left_mm.toFixed(2)} ${cell.middle_mm - 2.5}v5` }));
    }
    // Beside the first column there is room; within the page the name stands above its trace.
    const isFirst = cell.left_mm === LEFT_MM;
    const x = isFirst ? LEFT_MM - 7.5 : cell.left_mm + 1, y = isFirst ? cell.middle_mm + 1 : cell.middle_mm - placed.row_mm * 0.36;
    svg.append(element("text", { class: "lead", x: x.toFixed(2), y: y.toFixed(2) }, cell.lead));
  }
  for (let row = 0; row < placed.n_rows; row += 1) {
    const middle = TOP_MM + (row + 0.5) * placed.row_mm, wide = 0.2 * options.speed;
    svg.append(element("path", { class: "trace", d: `M1 ${middle}h1v${-options.gain}h${wide}v${options.gain}h1` }));
  }
  const filtered = options.filter === "filtered" ? `filter ${record.filter}` : "no filter";
  const note = `${options.speed} mm/s, ${options.gain} mm/mV, ${filtered}, ${record.fs} Hz${record.n_times / record.fs > SHOWN_S ? `, first ${SHOWN_S} s` : ""}. Not for diagnosis.`;
  svg.append(element("text", { class: "note", x: LEFT_MM, y: height - 3 }, note));
  return { svg, placed };
}

/** Return lines under a trace: where the waveform raised (solid) or lowered (dashed) the odds of the answer. */
function layer(attribution, cell, at, record, from, to) {
  const values = attribution.waveform[cell.lead];
  const limit = attribution.limit;
  let raise = "", lower = "";
  const step = record.fs / attribution.fs;
  for (let place = Math.floor(from / step); place < Math.ceil(to / step) && place < values.length; place += 1) {
    if (Math.abs(values[place]) < limit) continue;
    const start = Math.max(from, Math.round(place * step)), stop = Math.min(to - 1, Math.round((place + 1) * step));
    let path = "";
    for (let time = start; time <= stop; time += 1) path += `${time > start ? "L" : "M"}${at(time)}`;
    if (values[place] > 0) raise += path; else lower += path;
  }
  return [element("path", { class: "raise", d: raise }), element("path", { class: "lower", d: lower })];
}

/** Draw the representative beat, leads superimposed, with its onsets and offsets. */
export function drawBeat(beat) {
  const width = 120, height = 70, left = 10, bottom = 60;
  const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Representative beat, leads superimposed" });
  const first = beat.start_ms, last = beat.start_ms + (beat.waveform[0].length * 1000) / beat.fs;
  const x = (ms) => left + ((ms - first) / (last - first)) * (width - left - 4);
  let low = Infinity, high = -Infinity;
  for (const row of beat.waveform) for (const value of row) { low = Math.min(low, value); high = Math.max(high, value); }
  const y = (mv) => bottom - ((mv - low) / (high - low || 1)) * (bottom - 8);
  beat.waveform.forEach((row, number) => {
    const path = row.map((value, place) => `${place ? "L" : "M"}${x(first + (place * 1000) / beat.fs).toFixed(2)} ${y(value).toFixed(2)}`).join("");
    const line = element("path", { class: `trace beat-${number % 3}`, d: path });
    line.append(element("title", {}, beat.leads[number]));
    svg.append(line);
  });
  beat.marks.forEach(([name, ms], number) => {
    svg.append(element("path", { class: "mark", d: `M${x(ms).toFixed(2)} 4V${bottom}` }));
    svg.append(element("text", { class: "note", x: (x(ms) + 0.5).toFixed(2), y: number % 2 ? 66 : 63 }, `${name} ${Math.round(ms)} ms`));
  });
  return svg;
}
