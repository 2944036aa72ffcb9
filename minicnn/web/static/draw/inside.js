// Every layer's feature maps for the picture that the net was given, and where a number comes from.

import { Asker } from "./asker.js";
import { Inspector } from "./inspector.js";
import { Layer } from "./layer.js";

const PICTURE = "picture";

export class Inside {
  #root;
  #nothing;
  #model = null;
  #run = 1;
  #seen = null;
  #layers = new Map();
  #isInView = false;
  #isHeld = false;
  #asked = null; // layer and index of the number that is traced
  #askers = {};

  // - `section`: what shows it all; `inspector`: where a sum is worked out.
  constructor(section, inspector) {
    this.#root = section.querySelector("#layers");
    this.#nothing = section.querySelector("#nothing");
    this.inspector = new Inspector(inspector, () => this.#letGo());
    new ResizeObserver(() => this.#layers.forEach((layer) => layer.fit())).observe(this.#root);
    new IntersectionObserver(([entry]) => {
      this.#isInView = entry.isIntersecting;
      this.#ask();
    }).observe(section);
  }

  // - `run`: the model's number, from 1.
  open(model, run) {
    [this.#model, this.#run] = [model, run];
    this.#layers.clear();
    this.#root.replaceChildren();
    this.#letGo();
    const fail = (why) => this.#fail(why);
    this.#askers = {
      layers: new Asker(`/layers?run=${run}`, (found) => this.#show(found.layers), fail),
      saliency: new Asker(`/saliency?run=${run}`, (found) => this.#decides(found.saliency), fail),
      trace: new Asker(`/trace?run=${run}`, (found) => this.#explain(found), fail),
    };
    this.see(null);
  }

  // - `seen`: rows of pixels as /predict gives them; null for no picture.
  see(seen) {
    this.#seen = seen;
    this.#nothing.hidden = seen !== null;
    this.#root.hidden = seen === null;
    if (seen === null) {
      Object.values(this.#askers).forEach((asker) => asker.forget());
      this.#letGo();
    }
    this.#ask();
  }

  draw() {
    this.#layers.forEach((layer) => layer.fit());
  }

  #ask() {
    if (!this.#seen || !this.#isInView) return;
    const seen = this.#seen;
    this.#askers.layers.ask(() => ({ seen }));
    this.#askers.saliency.ask(() => ({ seen }));
    if (this.#asked) this.#trace();
  }

  #trace() {
    const question = { ...this.#asked, seen: this.#seen };
    this.#askers.trace.ask(() => question);
  }

  #show(layers) {
    const [height, width] = this.#model.input_shape;
    const values = this.#seen.map((row) => row.map((level) => [level / 255]));
    this.#layer({ name: PICTURE, kind: "", shape: [height, width, 1], values });
    layers.forEach((layer, i) => {
      const isLast = i === layers.length - 1;
      this.#layer(layer, isLast ? this.#model.classes : []);
    });
  }

  #decides(saliency) {
    const shape = [saliency.length, saliency[0].length, 1];
    const values = saliency.map((row) => row.map((value) => [value]));
    this.#layer({ name: "saliency", kind: "what the answer hangs on", shape, values });
  }

  #layer(layer, names = []) {
    const canChoose = layer.name !== PICTURE && layer.name !== "saliency";
    if (!this.#layers.has(layer.name)) {
      const made = new Layer(layer, canChoose);
      made.onPoint = (index, hold) => this.#point(layer.name, index, hold);
      this.#layers.set(layer.name, made);
      if (layer.name === "saliency") this.#after(PICTURE, made.element);
      else this.#root.append(made.element);
    }
    this.#layers.get(layer.name).show(layer, names);
  }

  // The saliency belongs beside the picture, whichever of the two comes first.
  #after(name, element) {
    const before = this.#layers.get(name)?.element;
    if (before) before.after(element);
    else this.#root.prepend(element);
  }

  #point(layer, index, hold) {
    if (this.#isHeld && !hold) return;
    const same = this.#asked?.layer === layer && `${this.#asked.index}` === `${index}`;
    if (same && !hold) return;
    this.#isHeld = hold;
    this.#asked = { layer, index };
    this.#layers.forEach((each) => each.choose(each.name === layer ? index : null));
    this.#trace();
  }

  #explain(found) {
    if (!this.#asked) return;
    this.#layers.forEach((each) => each.frame(each.name === found.source ? found.box : null));
    const layer = this.#layers.get(found.layer);
    if (layer) this.inspector.show(found, layer.called(found.index), layer.kind, this.#isHeld);
  }

  #letGo() {
    [this.#asked, this.#isHeld] = [null, false];
    this.#layers.forEach((each) => {
      each.choose(null);
      each.frame(null);
    });
    this.inspector.clear();
  }

  #fail(why) {
    this.#nothing.hidden = false;
    this.#nothing.textContent = why;
  }
}
