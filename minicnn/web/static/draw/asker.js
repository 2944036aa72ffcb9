// Asks the service, one question at a time; of those that come up meanwhile only the last counts.

import { post } from "./service.js";

export class Asker {
  #url;
  #show;
  #fail;
  #waiting = null;
  #isBusy = false;
  #question = 0; // the number of the last one that still counts
  onBusy = () => {};

  // - `show`: is given the answer; `fail`: is given the reason why there is none.
  constructor(url, show, fail = () => {}) {
    this.#url = url;
    this.#show = show;
    this.#fail = fail;
  }

  // - `body`: gives what is sent, as it is when its turn comes.
  async ask(body) {
    this.#waiting = body;
    if (this.#isBusy) return;
    this.onBusy((this.#isBusy = true));
    while (this.#waiting) {
      const next = this.#waiting;
      this.#waiting = null;
      await this.#send(await next(), this.#question);
    }
    this.onBusy((this.#isBusy = false));
  }

  // No answer is wanted any more.
  forget() {
    this.#waiting = null;
    this.#question++;
  }

  async #send(body, question) {
    let tell;
    try {
      const value = await post(this.#url, body);
      tell = () => this.#show(value);
    } catch (error) {
      tell = () => this.#fail(error.message);
    }
    if (question === this.#question) tell();
  }
}
