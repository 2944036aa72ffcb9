// Asks again and again; what a page does that asks, or stops asking, is nothing to the training.

const EVERY = 2000; // milliseconds: drawing more often would take a share of the training's cores
const LOST = 2; // so many times without an answer, and the training is gone

// - `show`: called with each new state; while the page is hidden, only once it is seen again.
// - `gone`: called when there is no answer any more.
export function watchTraining(url, show, gone) {
  let tag = "";
  let failures = 0;
  let unseen = null;

  async function ask() {
    try {
      const response = await fetch(`${url}?after=${tag}`, { signal: AbortSignal.timeout(5 * EVERY) });
      if (response.status === 200) {
        unseen = await response.json();
        tag = unseen.tag;
      }
      failures = 0;
    } catch {
      failures += 1;
      if (failures === LOST) gone();
    }
    showUnseen();
    setTimeout(ask, EVERY);
  }

  function showUnseen() {
    if (unseen === null || document.hidden) return;
    show(unseen);
    unseen = null;
  }

  document.addEventListener("visibilitychange", showUnseen);
  ask();
}
