// The terms of a sum: window × weights = products, as /trace gives them.

const FOLDED = 16; // numbers in a line, where they have no rows and columns

export const total = (rows) => rows.flat().reduce((sum, value) => sum + value, 0);

// Values, slopes and products of each channel, as rows of numbers each; of a plain list, folded.
export function channels({ values, slopes, products, box }) {
  if (box.length !== 3) {
    return [{ first: 0, values: fold(values), slopes: fold(slopes), products: fold(products) }];
  }
  const of = (numbers, channel) => numbers.map((row) => row.map((cell) => cell[channel]));
  const [first, end] = box[2];
  return Array.from({ length: end - first }, (_, i) => ({
    first: first + i,
    values: of(values, i),
    slopes: of(slopes, i),
    products: of(products, i),
  }));
}

function fold(numbers) {
  const lines = [];
  for (let i = 0; i < numbers.length; i += FOLDED) lines.push(numbers.slice(i, i + FOLDED));
  return lines;
}

// The products that count most, each with its place in the layer that it is from.
export function largest({ values, slopes, products, box }, count) {
  const starts = box.map(([start]) => start);
  const sizes = box.map(([start, end]) => end - start);
  const [left, right, all] = [values, slopes, products].map((each) => each.flat(2));
  const at = (i) => place(i, sizes).map((each, axis) => each + starts[axis]);
  return all
    .map((product, i) => ({ product, i }))
    .sort((a, b) => Math.abs(b.product) - Math.abs(a.product))
    .slice(0, count)
    .map(({ product, i }) => ({ product, value: left[i], slope: right[i], place: at(i) }));
}

// The index of the i-th number of an array of these sizes.
function place(i, sizes) {
  return sizes.map((size, axis) => {
    const after = sizes.slice(axis + 1).reduce((product, each) => product * each, 1);
    return Math.floor(i / after) % size;
  });
}
