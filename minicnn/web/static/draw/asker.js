// Asks the service, one question at a time; of those that come up meanwhile only the last counts.

export class Asker {
  #url;
  #show;
  #fail;
  #waiting = null;
  #isBusy = false;
  #question = 0; // the number of the last one that still counts
  onBusy = () => {};

  // - `show`: is given the answer; `fail`: is given the reason why there is none.
  constructor(url, show, fail) {
    this.#url = url;
    this.#show = show;
    this.#fail = fail;
  }

  // - `picture`: gives the picture, as it is when its turn comes.
  async ask(picture) {
    this.#waiting = picture;
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

  async #send(blob, question) {
    let tell;
    try {
      const headers = { "Content-Type": blob.type };
      const response = await fetch(this.#url, { method: "POST", body: blob, headers });
      const value = await response.json();
      tell = response.ok ? () => this.#show(value) : () => this.#fail(value.error.message);
    } catch {
      tell = () => this.#fail("the service does not answer");
    }
    if (question === this.#question) tell();
  }
}
