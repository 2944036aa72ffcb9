// One layer on the page: its maps, the number that is looked at, the window of another's number.

import { colour, palette } from "./colours.js";
import { Grid } from "./grid.js";
import { made } from "./words.js";

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Layer {
  #canvas = made("canvas", "maps");
  #layer = null;
  #grid = null;
  #paper = null; // the maps without the frames
  #chosen = null;
  #box = null;
  onPoint = () => {}; // is given the index of a number, and whether it is to be held

  constructor({ name, kind, activation, shape }, canChoose = true) {
    [this.name, this.kind] = [name, kind];
    this.element = made("article", "layer");
    this.element.dataset.name = name;
    const title = made("h3", "", name);
    const size = shape.filter((each, axis) => axis < 2 || each > 1).join(" × ");
    const words = [kind, activation, size].filter(Boolean).join(" · ");
    title.append(made("span", "faint", words));
    this.element.append(title, this.#canvas);
    this.#canvas.setAttribute("role", "img");
    this.#canvas.setAttribute("aria-label", `Outputs of ${name}, ${shape.join(" by ")}`);
    if (canChoose) this.#choosing();
    this.#canvas.addEventListener("blur", () => this.draw());
  }

  get chosen() {
    return this.#chosen;
  }

  // - `names`: of the numbers, where they are classes.
  show(layer, names = []) {
    this.#layer = layer;
    this.names = names;
    this.fit();
  }

  // Fills the width that there is now.
  fit() {
    const room = this.element.clientWidth;
    if (!this.#layer || !room) return;
    const shape = [...this.#layer.shape];
    if (shape.length === 3) shape[2] = this.#layer.values[0][0].length; // not all may be given
    this.#grid = new Grid(shape, room, this.names.length > 0);
    this.#paper = this.#painted();
    const { width, height } = this.#grid;
    this.#canvas.style.width = `${width}px`;
    this.#canvas.style.height = `${height}px`;
    this.#canvas.width = width * devicePixelRatio;
    this.#canvas.height = height * devicePixelRatio;
    this.draw();
  }

  choose(index) {
    this.#chosen = index;
    this.draw();
  }

  // - `box`: [start, end] for each axis of the window in this layer; null for none.
  frame(box) {
    this.#box = box;
    this.draw();
  }

  draw() {
    if (!this.#grid) return;
    const context = this.#canvas.getContext("2d");
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.imageSmoothingEnabled = false;
    context.clearRect(0, 0, this.#grid.width, this.#grid.height);
    context.drawImage(this.#paper, 0, 0, this.#grid.width, this.#grid.height);
    const ink = getComputedStyle(this.#canvas).color;
    this.#writeNames(context, ink);
    if (this.#box) this.#frames(context, ink);
    if (this.#chosen) {
      const [row, column, map] = this.#grid.isImage ? this.#chosen : [0, 0, this.#chosen[0]];
      this.#rectangle(context, ink, map, [row, row + 1], [column, column + 1], 2);
    }
  }

  #writeNames(context, ink) {
    const { cell } = this.#grid;
    context.fillStyle = ink;
    context.font = "13px system-ui, sans-serif";
    context.textAlign = "center";
    this.names.forEach((name, map) => {
      const [x, y] = this.#grid.corner(map);
      const letters = name.length > 4 ? `${name.slice(0, 3)}…` : name;
      context.fillText(letters, x + cell / 2, y + cell + 14, cell);
    });
  }

  #frames(context, ink) {
    const whole = [0, 1];
    const [rows, columns, maps] = this.#grid.isImage ? this.#box : [whole, whole, this.#box[0]];
    const last = Math.min(maps[1], this.#grid.maps);
    for (let map = maps[0]; map < last; map++) {
      this.#rectangle(context, ink, map, rows, columns, this.#grid.isImage ? 1.5 : 0.75);
    }
  }

  #rectangle(context, ink, map, [top, bottom], [left, right], width) {
    const { cell } = this.#grid;
    const [x, y] = this.#grid.corner(map);
    context.strokeStyle = ink;
    context.lineWidth = width;
    const edge = width / 2;
    context.strokeRect(
      x + left * cell - edge,
      y + top * cell - edge,
      (right - left) * cell + width,
      (bottom - top) * cell + width,
    );
  }

  // The maps, a dot for each point of the screen.
  #painted() {
    const { rows, columns, maps, cell, width, height, isImage } = this.#grid;
    const { values } = this.#layer;
    const largest = Math.max(...values.flat(2).map(Math.abs)) || 1;
    const colours = palette(this.#canvas);
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d");
    for (let map = 0; map < maps; map++) {
      const [x, y] = this.#grid.corner(map);
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          const value = isImage ? values[row][column][map] : values[map];
          context.fillStyle = `rgb(${colour(colours, value / largest).join()})`;
          context.fillRect(x + column * cell, y + row * cell, cell, cell);
        }
      }
    }
    return canvas;
  }

  #choosing() {
    const canvas = this.#canvas;
    canvas.tabIndex = 0;
    canvas.classList.add("open");
    const at = (event) => {
      const frame = canvas.getBoundingClientRect();
      return this.#grid?.indexAt(event.clientX - frame.left, event.clientY - frame.top);
    };
    canvas.addEventListener("pointermove", (event) => {
      const index = event.pointerType === "mouse" && at(event);
      if (index) this.onPoint(index, false);
    });
    canvas.addEventListener("click", (event) => {
      const index = at(event);
      if (index) this.onPoint(index, true);
    });
    canvas.addEventListener("keydown", (event) => {
      if (!(event.key in STEPS) || !this.#grid || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      const start = this.#grid.isImage ? [0, 0, 0] : [0];
      this.onPoint(this.#chosen ? this.#grid.step(this.#chosen, ...STEPS[event.key]) : start, true);
    });
  }

  // What a number is called: its place, and its class where it is one.
  called(index) {
    const name = this.names[index[0]];
    return `${this.name} [${index.join(", ")}]${name ? `, class ${name}` : ""}`;
  }
}
