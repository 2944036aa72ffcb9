// A net's answer to one digit: its word, its probabilities, and the picture that it was given.

import { paintPixels } from "./pixels.js";
import { capital, made, percent } from "./words.js";

const MOST_BARS = 12; // of more classes the most probable are shown

export class Answer {
  #root;
  #classes;

  // - `root`: the element that shows it; `model`: what the service says of the model.
  constructor(root, model) {
    this.#root = root;
    this.#classes = model.classes;
    const [height, width] = model.input_shape;
    Object.assign(this.#part("seen"), { width, height });
    this.#part("size").textContent = `${height} × ${width} pixels`;
    this.clear();
  }

  set isBusy(isBusy) {
    this.#part("verdict").setAttribute("aria-busy", isBusy);
  }

  show({ label, probability, sure, candidates, seen, notes }) {
    this.#state(sure ? "sure" : "doubtful");
    this.#part("label").textContent = label;
    this.#part("label").classList.toggle("word", label.length > 2);
    const [, second] = candidates;
    const doubt = sure || !second ? "" : `, perhaps ${second.label}`;
    this.#part("certainty").textContent = [`${percent(probability)}${doubt}`, ...notes].join("; ");
    this.#bars(candidates);
    paintPixels(this.#part("seen"), seen);
  }

  clear() {
    this.#state("empty");
    this.#part("label").textContent = "–";
    this.#part("label").classList.remove("word");
    this.#part("certainty").textContent = "\u00a0";
    this.#bars(this.#classes.map((label) => ({ label, probability: 0 })));
    paintPixels(this.#part("seen"), []);
  }

  fail(why) {
    this.clear();
    this.#state("empty failed");
    this.#part("certainty").textContent = capital(why);
  }

  #part(name) {
    return this.#root.querySelector(`.${name}`);
  }

  #state(name) {
    this.#part("verdict").className = `verdict ${name}`;
  }

  // In the classes' own order if all have room, otherwise the most probable first.
  #bars(candidates) {
    const shares = new Map(candidates.map(({ label, probability }) => [label, probability]));
    const fits = this.#classes.length <= MOST_BARS;
    const shown = fits ? this.#classes : [...shares.keys()].slice(0, MOST_BARS);
    const best = Math.max(...shares.values());
    const list = this.#part("bars");
    while (list.children.length < shown.length) list.append(newBar());
    shown.forEach((label, i) => {
      const [name, track, share] = list.children[i].children;
      name.textContent = label;
      track.firstChild.style.setProperty("--share", shares.get(label));
      share.textContent = best > 0 ? percent(shares.get(label)) : "";
      list.children[i].className = best > 0 && shares.get(label) === best ? "first" : "";
    });
  }
}

function newBar() {
  const bar = made("li");
  bar.append(...["name", "track", "share"].map((kind) => made("span", kind)));
  bar.children[1].append(made("span"));
  return bar;
}
