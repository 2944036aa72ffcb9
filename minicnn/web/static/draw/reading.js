// A net's answer to several digits in a row: the number, and each digit as the net was given it.

import { paintPixels } from "./pixels.js";
import { capital, made, percent } from "./words.js";

export class Reading {
  #root;
  #chosen = 0;
  onChoose = () => {}; // is given the digit that is looked into

  constructor(root) {
    this.#root = root;
    this.clear();
  }

  set isBusy(isBusy) {
    this.#root.setAttribute("aria-busy", isBusy);
  }

  show({ text, confidence, digits, notes }) {
    this.#root.classList.remove("empty", "failed");
    this.#part("text").textContent = text;
    this.#part("confidence").textContent = [
      `${percent(confidence)} that all of it is right`,
      ...notes,
    ].join("; ");
    this.#part("digits").replaceChildren(...digits.map((digit, i) => this.#chip(digit, i)));
    if (digits.length) this.#choose(Math.min(this.#chosen, digits.length - 1), digits);
  }

  clear() {
    this.#root.classList.add("empty");
    this.#root.classList.remove("failed");
    this.#part("text").textContent = "–";
    this.#part("confidence").textContent = "\u00a0";
    this.#part("digits").replaceChildren();
  }

  fail(why) {
    this.clear();
    this.#root.classList.add("failed");
    this.#part("confidence").textContent = capital(why);
  }

  #part(name) {
    return this.#root.querySelector(`.${name}`);
  }

  #chip(digit, i) {
    const item = made("li");
    const button = made("button", "digit");
    button.type = "button";
    button.title = "Look at this one inside the net";
    const seen = made("canvas");
    paintPixels(seen, digit.seen);
    const share = made("span", "faint", percent(digit.probability));
    button.append(seen, made("b", "", digit.label), share);
    item.append(button);
    button.addEventListener("click", () => this.#choose(i, [digit], i));
    return item;
  }

  #choose(i, digits, first = 0) {
    this.#chosen = i;
    [...this.#part("digits").children].forEach((item, place) =>
      item.firstChild.setAttribute("aria-pressed", place === i),
    );
    this.onChoose(digits[i - first]);
  }
}
