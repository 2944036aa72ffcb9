// The picture that the net is given, pixel by pixel, as MNIST has it: white ink on black.

// - `rows`: 0 for paper, 255 for ink; none for an empty picture.
export function paintPixels(canvas, rows) {
  const context = canvas.getContext("2d");
  if (rows.length) Object.assign(canvas, { width: rows[0].length, height: rows.length });
  const image = context.createImageData(canvas.width, canvas.height);
  rows.flat().forEach((level, i) => image.data.set([level, level, level, 255], 4 * i));
  context.putImageData(image, 0, 0);
}
