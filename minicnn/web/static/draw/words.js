// Numbers as they are written on the page.

export const percent = (share) => `${(100 * share).toFixed(1)} %`;

// Three digits that count, with the sign of mathematics.
export function short(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.001 ? 3 : 0;
  const text = digits || size >= 100 ? size.toFixed(digits) : size.toExponential(0);
  return value < 0 ? `−${text}` : text;
}

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

// A new element with a class and a text.
export function made(tag, className = "", text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}
