// Where a number comes from: the window × the weights = the products, and their sum.

import { channels, largest, total } from "./terms.js";
import { made, short } from "./words.js";

const WRITTEN = 5; // rows and columns of numbers that can be read; larger windows are coloured only
const LISTED = 6; // of the products
const SLOPES = { MaxPool2D: "share", AveragePool2D: "share", BatchNorm: "factor" };

export class Inspector {
  #root;
  #close;
  #channel = null; // that the reader has chosen; else the one that counts most

  // - `close`: called when nothing is to be looked at any more.
  constructor(root, close) {
    this.#root = root;
    this.#close = close;
  }

  clear() {
    const words = "Point at a number in a layer, and its sum is worked out here.";
    this.#root.replaceChildren(made("p", "faint", words));
    this.#root.classList.add("idle");
    this.#channel = null;
  }

  // - `found`: the answer of /trace; `name`: what the number is called; `kind`: of the layer.
  show(found, name, kind, isHeld) {
    const all = channels(found);
    const again = () => this.show(found, name, kind, isHeld);
    const scroll = this.#root.scrollTop;
    const focus = document.activeElement?.closest("#inspector select");
    this.#root.replaceChildren(
      this.#title(name, isHeld),
      sum(found),
      ...(all.length > 1 ? [this.#picker(all, again)] : []),
      tables(all[this.#shown(all)], found.source, SLOPES[kind] ?? "weights"),
      ...(found.products.flat(2).length > 1 ? [list(found)] : []),
    );
    this.#root.classList.remove("idle");
    this.#root.scrollTop = scroll;
    if (focus) this.#root.querySelector("select")?.focus();
  }

  #shown(all) {
    if (this.#channel !== null && this.#channel < all.length) return this.#channel;
    const sizes = all.map(({ products }) => Math.abs(total(products)));
    return Math.max(0, sizes.indexOf(Math.max(...sizes)));
  }

  #title(name, isHeld) {
    const head = made("div", "heading");
    const close = made("button", "close", "×");
    close.type = "button";
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", this.#close);
    head.append(made("h3", "", name), made("span", "faint", isHeld ? "held" : ""), close);
    return head;
  }

  #picker(all, again) {
    const label = made("label", "picker", "Channel");
    const select = made("select");
    all.forEach(({ first, products }, i) => {
      const option = made("option", "", `${first}: adds ${short(total(products))}`);
      option.value = i;
      select.append(option);
    });
    select.value = this.#shown(all);
    select.addEventListener("change", () => {
      this.#channel = Number(select.value);
      again();
    });
    label.append(select);
    return label;
  }
}

// Products + bias = value, or what a function makes of it.
function sum(found) {
  const lines = made("dl", "sum");
  const line = (words, value, kind) => {
    lines.append(made("dt", "", words), made("dd", kind, short(value)));
    lines.lastChild.dataset.value = value;
  };
  const count = found.products.flat(2).length;
  const words = count === 1 ? "product" : `sum of ${count.toLocaleString("en")} products`;
  const hasBias = Math.abs(found.rest) > 1e-5 * Math.max(1, Math.abs(found.sum));
  line(words, found.sum, "total");
  if (hasBias) line("+ bias", found.rest, "rest");
  if (found.activation) {
    line("=", found.before, "before");
    line(found.activation, found.value, "value");
  } else {
    line("=", found.value, "value");
  }
  return lines;
}

function tables({ values, slopes, products }, source, name) {
  const group = made("div", "tables");
  const isWritten = Math.max(values.length, values[0]?.length ?? 0) <= WRITTEN;
  group.classList.toggle("coloured", !isWritten);
  group.append(
    table(values, source, "values", isWritten),
    table(slopes, `× ${name}`, "slopes", isWritten),
    table(products, "= products", "products", isWritten),
  );
  return group;
}

function table(rows, caption, kind, isWritten) {
  const element = made("table", kind);
  element.createCaption().textContent = caption;
  const peak = Math.max(...rows.flat().map(Math.abs)) || 1;
  for (const row of rows) {
    const line = element.insertRow();
    for (const value of row) {
      const cell = line.insertCell();
      cell.textContent = isWritten ? short(value) : "";
      cell.title = short(value);
      cell.className = value < 0 ? "below" : "above";
      cell.style.setProperty("--share", Math.abs(value) / peak);
    }
  }
  return element;
}

// The products that count most.
function list(found) {
  const details = made("div", "largest");
  const shown = largest(found, LISTED);
  const isAll = shown.length === found.products.flat(2).length;
  details.append(made("h4", "", isAll ? "One by one" : "The largest of them"));
  const element = made("ol");
  for (const { place, value, slope, product } of shown) {
    const item = made("li");
    item.append(
      made("span", "faint", `[${place.join(", ")}]`),
      made("span", "", `${short(value)} × ${short(slope)}`),
      made("b", "", `= ${short(product)}`),
    );
    element.append(item);
  }
  details.append(element);
  return details;
}
