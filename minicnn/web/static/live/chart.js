// A chart in SVG: a line for what each batch gave, and dots on a line for what each epoch gave.

import { range, ticks } from "./scale.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [600, 260];
const FRAME = { left: 68, right: 14, top: 12, bottom: 30 };

export class Chart {
  #svg;
  #settings;
  #axes = null;

  // - `name`: what is shown; `write`: turns a value into text.
  // - `lowest`, `highest`: the end of the axis, where it is always the same.
  constructor(svg, settings) {
    this.#svg = svg;
    this.#settings = settings;
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    svg.addEventListener("pointermove", (event) => this.#point(event));
    svg.addEventListener("pointerleave", () => this.#svg.querySelector(".readout")?.remove());
  }

  // - `epochs`: how many there will be.
  // - `running`, `held`: [epoch, value] of the batches, and of the epochs on the validation set.
  show(epochs, running, held) {
    running = running.filter(([, value]) => value !== null);
    held = held.filter(([, value]) => value !== null);
    const { name, write } = this.#settings;
    const values = running.map(([, value]) => value);
    const [low, high] = range(values, held.map(([, value]) => value), this.#settings);
    const axes = { epochs, low, high, running, held };
    this.#axes = axes;
    this.#svg.replaceChildren(
      ...this.#grid(axes),
      clipping(this.#svg.id),
      line("running", running, axes, this.#svg.id),
      line("held", held, axes, this.#svg.id),
      ...held.map((point) => dot(point, axes)),
    );
    // What the lines were drawn from, for people who cannot see them and for programs.
    Object.assign(this.#svg.dataset, { low, high, epochs });
    const newest = [running.at(-1), held.at(-1)].map((point) => (point ? write(point[1]) : "none"));
    this.#svg.setAttribute("aria-label", `${name}: ${newest[0]} in training, ${newest[1]} in validation`);
  }

  #grid(axes) {
    const parts = [];
    for (const value of ticks(axes.low, axes.high, 5)) {
      const y = placeY(value, axes);
      parts.push(make("line", { class: "grid", x1: FRAME.left, x2: WIDTH - FRAME.right, y1: y, y2: y }));
      parts.push(text("value", FRAME.left - 8, y + 4, this.#settings.write(value)));
    }
    const step = Math.max(1, Math.ceil(axes.epochs / 10));
    for (let epoch = 0; epoch <= axes.epochs; epoch += step) {
      parts.push(text("epoch", placeX(epoch, axes), HEIGHT - 8, epoch));
    }
    return parts;
  }

  // The values nearest to the pointer.
  #point(event) {
    if (!this.#axes?.running.length) return;
    const { write } = this.#settings;
    const frame = this.#svg.getBoundingClientRect();
    const x = ((event.clientX - frame.left) / frame.width) * WIDTH;
    const distance = ([epoch]) => Math.abs(placeX(epoch, this.#axes) - x);
    const nearest = this.#axes.running.reduce((a, b) => (distance(b) < distance(a) ? b : a));
    const held = this.#axes.held.find(([epoch]) => Math.abs(epoch - nearest[0]) < 0.5);
    const words = `epoch ${nearest[0].toFixed(1)}: ${write(nearest[1])}`;
    const more = held ? `, validation ${write(held[1])}` : "";
    this.#svg.querySelector(".readout")?.remove();
    const at = placeX(nearest[0], this.#axes);
    const group = make("g", { class: "readout" });
    group.append(make("line", { x1: at, x2: at, y1: FRAME.top, y2: HEIGHT - FRAME.bottom }));
    group.append(text(at < WIDTH / 2 ? "after" : "before", at + (at < WIDTH / 2 ? 8 : -8), FRAME.top + 12, words + more));
    this.#svg.append(group);
  }
}

function placeX(epoch, { epochs }) {
  return FRAME.left + (epoch / epochs) * (WIDTH - FRAME.left - FRAME.right);
}

function placeY(value, { low, high }) {
  return HEIGHT - FRAME.bottom - ((value - low) / (high - low || 1)) * (HEIGHT - FRAME.top - FRAME.bottom);
}

function make(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function text(kind, x, y, words) {
  const made = make("text", { class: kind, x, y });
  made.textContent = words;
  return made;
}

function line(kind, points, axes, id) {
  const places = points.map(([epoch, value]) => `${placeX(epoch, axes).toFixed(1)},${placeY(value, axes).toFixed(1)}`);
  return make("polyline", { class: kind, points: places.join(" "), "clip-path": `url(#${id}-inside)` });
}

function dot([epoch, value], axes) {
  return make("circle", { class: "held", cx: placeX(epoch, axes), cy: placeY(value, axes), r: 4 });
}

function clipping(id) {
  const inside = make("clipPath", { id: `${id}-inside` });
  const [width, height] = [WIDTH - FRAME.left, HEIGHT - FRAME.top - FRAME.bottom];
  inside.append(make("rect", { x: FRAME.left, y: FRAME.top - 4, width, height: height + 8 }));
  return inside;
}
