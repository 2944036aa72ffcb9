// The net's worst mistakes; one that is chosen is put on the paper, to be drawn better.

import { paintPixels } from "./pixels.js";
import { capital, made, percent } from "./words.js";

export class Gallery {
  #list;
  #words;
  #choose;
  #run = 0;

  // - `choose`: is given a mistake.
  constructor(section, choose) {
    this.#list = section.querySelector("#mistakes");
    this.#words = section.querySelector("#gallery-words");
    this.#choose = choose;
    this.inView = new Promise((seen) => {
      new IntersectionObserver(([entry]) => entry.isIntersecting && seen(), {
        rootMargin: "200px",
      }).observe(section);
    });
  }

  // - `run`: the model's number, from 1. Its mistakes are asked for when the section comes in view.
  async open(run) {
    this.#run = run;
    this.#list.replaceChildren();
    this.#words.textContent = "The test set is looked through …";
    await this.inView;
    let found;
    try {
      const response = await fetch(`/mistakes?run=${run}`);
      found = await response.json();
    } catch {
      found = { error: { message: "the service does not answer" } };
    }
    if (run === this.#run) this.#show(found);
  }

  #show({ mistakes = [], wrong, pictures, note, error }) {
    const facts = `${wrong} of ${pictures?.toLocaleString("en")} test pictures are read wrong`;
    const best = mistakes.length < wrong ? `; these ${mistakes.length} the net was surest of` : "";
    const invite = ". Choose one, and draw over it so that the net gets it right.";
    this.#words.textContent = error ? capital(error.message) : note || facts + best + invite;
    this.#list.replaceChildren(...mistakes.map((mistake) => this.#thumb(mistake)));
  }

  #thumb(mistake) {
    const item = made("li");
    const button = made("button");
    const picture = made("canvas");
    const { label, answer, probability } = mistake;
    button.type = "button";
    const words = `${label}, taken for ${answer} with ${percent(probability)}`;
    button.title = words;
    button.setAttribute("aria-label", words);
    paintPixels(picture, mistake.pixels);
    const caption = made("span", "", label);
    caption.append(made("i", "", "→"), made("b", "", answer));
    button.append(picture, caption);
    button.addEventListener("click", () => this.#choose(mistake));
    item.append(button);
    return item;
  }
}
