// Which part of an axis is shown, and the round numbers beside it.

// A step of 1, 2 or 5 times a power of ten, so that about `count` of them fill the span.
export function roundStep(span, count) {
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
}

export function ticks(low, high, count) {
  const step = roundStep(high - low, count);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

// The range of the values without the tenth that is the most extreme: what a net does in its first
// batches would press all that follows against the edge. What is `kept` is inside in any case.
export function range(values, kept, { lowest = null, highest = null }) {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  if (!sorted.length) return [lowest ?? 0, highest ?? 1];
  const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
  let low = lowest ?? Math.min(at(0.1), ...kept);
  let high = highest ?? Math.max(at(0.9), ...kept);
  const room = 0.08 * (high - low || Math.abs(high) || 1);
  if (lowest === null) low -= room;
  if (highest === null) high += room;
  return [low, high];
}
