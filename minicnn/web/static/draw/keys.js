// Drawing with the arrow keys, and the keys for undo and clear.

const STEP = 1 / 40; // of the paper's side
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function drawWithKeys(canvas, sketch) {
  const pressed = new Set(); // two arrows at once lead the pen slantwise

  const pen = () => (sketch.cursor ??= { x: 0.5, y: 0.5, isDown: false });
  const within = (value) => Math.min(0.97, Math.max(0.03, value));

  const move = () => {
    const cursor = pen();
    for (const key of pressed) {
      cursor.x = within(cursor.x + STEP * ARROWS[key][0]);
      cursor.y = within(cursor.y + STEP * ARROWS[key][1]);
    }
    if (cursor.isDown) sketch.extend([[cursor.x, cursor.y]]);
    else sketch.draw();
  };
  const press = () => {
    const cursor = pen();
    cursor.isDown = !cursor.isDown;
    if (cursor.isDown) sketch.begin(cursor.x, cursor.y);
    else sketch.draw();
  };
  const lift = () => {
    if (sketch.cursor) sketch.cursor.isDown = false;
  };

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in ARROWS) {
      pressed.add(event.key);
      move();
    } else if (event.key === " ") {
      if (!event.repeat) press();
    } else {
      return;
    }
    event.preventDefault();
  });
  canvas.addEventListener("keyup", (event) => pressed.delete(event.key));
  canvas.addEventListener("blur", () => {
    pressed.clear();
    sketch.cursor = null;
    sketch.draw();
  });

  document.addEventListener("keydown", (event) => {
    const isUndo = event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey);
    if (!isUndo && event.key !== "Escape") return;
    event.preventDefault();
    lift();
    if (isUndo) sketch.undo();
    else sketch.clear();
  });
}
