// Two-point calipers: ms, rate and mV between two points, moved by pointer or keyboard, exact to 1 ms and 10 µV.

import { element } from "./paper.js";

const STEP_MS = 1, STEP_MV = 0.01;

export class Calipers {
  constructor(host, output) {
    this.host = host;
    this.output = output;
    this.points = [];
    this.active = 0;
    host.addEventListener("click", (event) => this.click(event));
    host.addEventListener("keydown", (event) => this.key(event));
  }

  /** Belong to another drawing: points keep their time and voltage where the scales change. */
  attach(svg, placed, options) {
    this.svg = svg;
    this.placed = placed;
    this.options = options;
    this.layer = element("g");
    svg.append(this.layer);
    this.render();
  }

  clear() {
    this.points = [];
    this.render();
  }

  click(event) {
    if (!this.svg || !this.svg.contains(event.target)) return;
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
    const point = this.fromPage(at.x, at.y);
    if (this.points.length === 2) this.points = [];
    this.points.push(point);
    this.active = this.points.length - 1;
    this.render();
  }

  key(event) {
    if (!this.svg) return;
    const { key, shiftKey } = event;
    if (key === "c" || key === "C") {
      const middle = this.fromPage(this.placed.width / 2, this.placed.height / 2);
      this.points = [middle, { ...middle, ms: middle.ms + 500 }];
      this.active = 1;
    } else if (key === "Escape") {
      this.points = [];
    } else if (key === " " && this.points.length === 2) {
      this.active = 1 - this.active;
    } else if (this.points.length && key.startsWith("Arrow")) {
      const factor = shiftKey ? 10 : 1, point = this.points[this.active];
      if (key === "ArrowLeft") point.ms -= STEP_MS * factor;
      if (key === "ArrowRight") point.ms += STEP_MS * factor;
      if (key === "ArrowUp") point.mv += STEP_MV * factor;
      if (key === "ArrowDown") point.mv -= STEP_MV * factor;
    } else {
      return;
    }
    event.preventDefault();
    this.render();
  }

  // Times and voltages count from the page's corner: only their differences mean anything.
  fromPage(x, y) {
    return { ms: Math.round((x / this.options.speed) * 1000), mv: Math.round(-(y / this.options.gain) * 100) / 100 };
  }

  toPage(point) {
    return { x: (point.ms / 1000) * this.options.speed, y: -point.mv * this.options.gain };
  }

  render() {
    if (!this.layer) return;
    this.layer.replaceChildren();
    this.points.forEach((point, number) => {
      const { x, y } = this.toPage(point);
      const kind = number === this.active ? "caliper active" : "caliper";
      this.layer.append(element("path", { class: kind, d: `M${x} 0V${this.placed.height}M${x - 4} ${y}H${x + 4}` }));
    });
    if (this.points.length < 2) {
      this.output.textContent = this.points.length ? "Calipers: choose the second point." : "";
      return;
    }
    const [a, b] = this.points;
    const ms = Math.abs(b.ms - a.ms), mv = b.mv - a.mv;
    const rate = ms ? `${(60000 / ms).toFixed(1)} /min` : "– /min";
    this.output.textContent = `Calipers: ${ms} ms, ${rate}, ${mv < 0 ? "−" : ""}${Math.abs(mv).toFixed(2)} mV`;
  }
}
