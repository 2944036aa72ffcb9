// The weights of the first layer as pictures side by side, one pixel a weight.

const COLUMNS = 8;
const GAP = 1;

export class Filters {
  #canvas;

  constructor(canvas) {
    this.#canvas = canvas;
  }

  // - `found`: `levels` are signed bytes in base64, picture by picture and row by row.
  show(found) {
    const section = this.#canvas.closest("section");
    section.hidden = found === null;
    if (found === null) return;
    const { layer, count, height, width, levels } = found;
    document.getElementById("layer").textContent = `, ${layer}`;
    const bytes = Int8Array.from(atob(levels), (letter) => letter.charCodeAt(0));
    const columns = Math.min(COLUMNS, count);
    this.#canvas.width = columns * (width + GAP) - GAP;
    this.#canvas.height = Math.ceil(count / columns) * (height + GAP) - GAP;
    const context = this.#canvas.getContext("2d");
    const colour = this.#colours();
    for (let picture = 0; picture < count; picture += 1) {
      const image = context.createImageData(width, height);
      for (let i = 0; i < width * height; i += 1) {
        image.data.set(colour(bytes[picture * width * height + i] / 127), 4 * i);
      }
      const [row, column] = [Math.floor(picture / columns), picture % columns];
      context.putImageData(image, column * (width + GAP), row * (height + GAP));
    }
  }

  // From -1 to 1: blue, the paper's own colour, orange.
  #colours() {
    const style = getComputedStyle(this.#canvas);
    const parts = (name) => style.getPropertyValue(name).match(/[\d.]+/g).map(Number);
    const [paper, below, above] = ["color", "border-left-color", "border-right-color"].map(parts);
    return (value) => {
      const end = value < 0 ? below : above;
      return [...paper.slice(0, 3).map((level, i) => level + Math.abs(value) * (end[i] - level)), 255];
    };
  }
}
