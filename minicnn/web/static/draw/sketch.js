// What is on the paper: strokes, or a picture. Places go from 0 to 1, whatever the screen's size.

const SENT = 420; // pixels of the picture that the network is sent
const GHOST = 0.16; // how much of the picture is seen that is drawn over

export class Sketch {
  #canvas;
  #history = []; // strokes, pictures and clearings: whatever can be undone
  onChange = () => {};
  cursor = null; // where the pen is that the keyboard moves
  pen = 0.055; // its width, as a part of the paper's

  constructor(canvas) {
    this.#canvas = canvas;
    new ResizeObserver(() => this.#fit()).observe(canvas);
  }

  get #last() {
    return this.#history.findLastIndex((each) => each.kind !== "stroke");
  }

  // The strokes since the paper was empty, or the picture and nothing else.
  get #visible() {
    const strokes = this.#history.slice(this.#last + 1);
    return this.picture && strokes.length === 0 ? [this.picture] : strokes;
  }

  // The picture on the paper, or below the strokes; null if there is none.
  get picture() {
    const last = this.#history[this.#last];
    return last?.kind === "picture" ? last : null;
  }

  get isDrawn() {
    return this.#visible.some((each) => each.kind === "stroke");
  }

  get isEmpty() {
    return this.#visible.length === 0;
  }

  get canUndo() {
    return this.#history.length > 0;
  }

  begin(x, y) {
    this.#add({ kind: "stroke", points: [[x, y]], pen: this.pen });
  }

  // Leads the pen on, through each of these places.
  extend(points) {
    this.#history.at(-1).points.push(...points);
    this.#changed();
  }

  // - `bitmap`: what is shown, or null if the browser cannot; `blob`: what the network is sent.
  // - `mistake`: of the gallery; such a picture can be drawn over.
  put(bitmap, blob, name, mistake = null) {
    this.#add({ kind: "picture", bitmap, blob, name, mistake });
  }

  clear() {
    if (!this.isEmpty) this.#add({ kind: "clearing" });
  }

  undo() {
    if (this.#history.pop()) this.#changed();
  }

  // The picture for the network: as it came, or the strokes in black on white.
  async toBlob() {
    const [first] = this.#visible;
    if (first?.kind === "picture") return first.blob;
    const canvas = new OffscreenCanvas(SENT, SENT);
    paint(canvas, this.#visible, "#000", "#fff");
    return canvas.convertToBlob({ type: "image/png" });
  }

  draw() {
    const style = getComputedStyle(this.#canvas);
    paint(this.#canvas, this.#visible, style.color, style.backgroundColor);
    if (this.isDrawn && this.picture?.mistake) {
      const context = this.#canvas.getContext("2d");
      context.globalAlpha = GHOST;
      show(context, this.picture);
      context.globalAlpha = 1;
    }
    if (this.cursor) ring(this.#canvas, this.cursor, this.pen, style.color);
  }

  #add(step) {
    this.#history.push(step);
    this.#changed();
  }

  #changed() {
    this.draw();
    this.onChange();
  }

  #fit() {
    const side = Math.round(this.#canvas.clientWidth * devicePixelRatio);
    this.#canvas.width = this.#canvas.height = side;
    this.draw();
  }
}

function paint(canvas, steps, ink, paper) {
  const context = canvas.getContext("2d");
  context.fillStyle = paper;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.strokeStyle = context.fillStyle = ink;
  context.lineCap = context.lineJoin = "round";
  for (const step of steps) {
    if (step.kind === "picture") show(context, step);
    else stroke(context, step);
  }
}

function stroke(context, { points, pen }) {
  context.lineWidth = pen * context.canvas.width;
  context.stroke(path(points, context.canvas.width));
}

// A curve through the middles between the places, which has no corners.
function path(points, side) {
  const curve = new Path2D();
  const places = points.map(([x, y]) => [x * side, y * side]);
  curve.moveTo(...places[0]);
  for (let i = 1; i < places.length - 1; i++) {
    const [x, y] = places[i];
    const [nextX, nextY] = places[i + 1];
    curve.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2);
  }
  curve.lineTo(...places.at(-1));
  return curve;
}

function show(context, { bitmap, name }) {
  const side = context.canvas.width;
  if (!bitmap) {
    context.font = `${side / 20}px system-ui`;
    context.textAlign = "center";
    context.fillText(name, side / 2, side / 2, 0.9 * side);
    return;
  }
  const scale = Math.min(side / bitmap.width, side / bitmap.height);
  const [width, height] = [bitmap.width * scale, bitmap.height * scale];
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, (side - width) / 2, (side - height) / 2, width, height);
}

function ring(canvas, { x, y, isDown }, pen, ink) {
  const context = canvas.getContext("2d");
  context.beginPath();
  context.arc(x * canvas.width, y * canvas.width, 0.6 * pen * canvas.width, 0, 2 * Math.PI);
  context.lineWidth = isDown ? 6 : 2;
  context.strokeStyle = ink;
  context.stroke();
}
