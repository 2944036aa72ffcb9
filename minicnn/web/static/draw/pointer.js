// Drawing with a mouse, a finger or a pen.

export function drawWithPointer(canvas, sketch) {
  let drawing = null; // the pointer that draws; a second finger does nothing

  const place = (event) => {
    const frame = canvas.getBoundingClientRect();
    return [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height];
  };
  const end = (event) => {
    if (event.pointerId === drawing) drawing = null;
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (drawing !== null || event.button !== 0) return;
    drawing = event.pointerId;
    canvas.setPointerCapture(drawing);
    sketch.cursor = null;
    sketch.begin(...place(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== drawing) return;
    const between = event.getCoalescedEvents(); // empty in some browsers
    sketch.extend((between.length ? between : [event]).map(place));
  });
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
}
