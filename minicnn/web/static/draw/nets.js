// The nets that are served, one or two side by side, each with its answers on the page.

import { Answer } from "./answer.js";
import { Asker } from "./asker.js";
import { Reading } from "./reading.js";
import { made } from "./words.js";

export class Net {
  #predict;
  #read;
  seen = null; // the picture that it was given last
  onAnswer = () => {}; // is given the answer to one digit
  onReading = () => {}; // is given the answer to several
  onSeen = () => {}; // is given the picture that can be looked into

  // - `model`: what the service says of it; `run`: its number, from 1; `root`: for the answers.
  constructor(model, run, root) {
    [this.model, this.run] = [model, run];
    const answer = new Answer(root, model);
    const reading = new Reading(root.querySelector(".several"));
    const saw = (seen) => this.onSeen((this.seen = seen));
    reading.onChoose = ({ seen }) => saw(seen);
    const show = (found) => {
      answer.show(found);
      saw(found.seen);
      this.onAnswer(found);
    };
    const read = (found) => {
      reading.show(found);
      this.onReading(found);
    };
    const fail = (shown) => (why) => {
      shown.fail(why);
      this.onReading(null);
      saw(null);
    };
    this.#predict = new Asker(`/predict?run=${run}`, show, fail(answer));
    this.#read = new Asker(`/read?run=${run}`, read, fail(reading));
    this.#predict.onBusy = (isBusy) => (answer.isBusy = isBusy);
    this.#read.onBusy = (isBusy) => (reading.isBusy = isBusy);
    this.clear = () => {
      this.#predict.forget();
      this.#read.forget();
      answer.clear();
      reading.clear();
      this.onReading(null);
      saw(null);
    };
    this.fail = (why) => {
      answer.fail(why);
      reading.fail(why);
    };
  }

  // - `picture`: gives the picture when its turn comes.
  ask(picture, isSeveral) {
    (isSeveral ? this.#predict : this.#read).forget();
    (isSeveral ? this.#read : this.#predict).ask(picture);
  }
}

// All nets, in elements made from the template.
export async function openNets(template, parent) {
  const response = await fetch("/models");
  const { models } = await response.json();
  return models.map((model, i) => {
    parent.append(template.content.cloneNode(true));
    const root = parent.lastElementChild;
    if (models.length > 1) {
      const facts = made("span", "faint", factsOf(model));
      root.querySelector(".who").append(nameOf(model), facts);
    }
    return new Net(model, i + 1, root);
  });
}

export const nameOf = ({ run, name }) => (run.startsWith(name) ? run : `${run} (${name})`);

export function factsOf({ parameters, test_accuracy: accuracy }) {
  const facts = [`${parameters.toLocaleString("en")} parameters`];
  if (accuracy !== null) facts.push(`${(100 * accuracy).toFixed(2)} % accuracy`);
  return facts.join(" · ");
}
