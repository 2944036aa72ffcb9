// Numbers as colours: nothing at zero, one colour above it, another below.

// The colours of the page as it is now, [red, green, blue] each.
export function palette(element) {
  const style = getComputedStyle(element);
  const parts = (name) => rgb(style.getPropertyValue(name));
  return { zero: parts("--zero"), above: parts("--above"), below: parts("--below") };
}

// - `value`: from -1 to 1.
export function colour({ zero, above, below }, value) {
  const end = value > 0 ? above : below;
  const share = Math.min(1, Math.abs(value)) ** 0.7; // small numbers are seen as well
  return zero.map((part, i) => Math.round(part + share * (end[i] - part)));
}

const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

// Whatever the way in which a colour is written, the canvas knows it.
function rgb(written) {
  context.fillStyle = written;
  context.fillRect(0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}
