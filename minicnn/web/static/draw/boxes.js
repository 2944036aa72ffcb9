// Boxes over the drawing, around each digit that was found.

export class Boxes {
  #canvas;
  #found = null;

  constructor(canvas) {
    this.#canvas = canvas;
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  // - `found`: the answer of /read; null for no boxes.
  show(found) {
    this.#found = found;
    this.draw();
  }

  draw() {
    const canvas = this.#canvas;
    const side = (canvas.width = canvas.height = Math.round(canvas.clientWidth * devicePixelRatio));
    if (!this.#found || !side) return;
    const { width, height, digits } = this.#found;
    const scale = side / Math.max(width, height); // the picture is fitted into the paper
    const [across, down] = [(side - width * scale) / 2, (side - height * scale) / 2];
    const context = canvas.getContext("2d");
    context.strokeStyle = context.fillStyle = getComputedStyle(canvas).color;
    context.lineWidth = 2 * devicePixelRatio;
    const letters = 17 * devicePixelRatio;
    context.font = `600 ${letters}px system-ui, sans-serif`;
    for (const { label, box } of digits) {
      const [left, top, right, bottom] = box.map((each) => each * scale);
      const x = across + left - 4;
      const y = down + top - 4;
      context.strokeRect(x, y, right - left + 8, bottom - top + 8);
      const above = y > 1.4 * letters;
      context.fillText(label, x, above ? y - 0.35 * letters : down + bottom + 1.4 * letters);
    }
  }
}
