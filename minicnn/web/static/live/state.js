// How far the training is, in words and numbers.

import { duration, percent, whole } from "./words.js";

const element = (id) => document.getElementById(id);
const say = (id, text) => (element(id).textContent = text);
const last = (list) => list?.at(-1) ?? null;

const OVER = new Set(["ended", "interrupted", "failed"]);
let state = "starting";

export function showState(training) {
  state = training.state;
  element("state").className = `card wide ${state}`;
  const parameters = training.parameters;
  say("model", training.title + (parameters ? ` · ${whole(parameters)} parameters` : ""));
  say("epoch", headline(training));
  document.title = `${headline(training)} – minicnn`;
  if (training.epochs === undefined) return;
  element("share").value = state === "ended" ? 1 : training.share;
  say("left", remaining(training));
  say("seconds", duration(training.seconds));
  showFigures(training);
}

// The address is gone with the process; how it ended may be known already.
export function showGone() {
  if (OVER.has(state)) return;
  state = "gone";
  element("state").className = "card wide gone";
  say("epoch", "The training's process has ended");
  say("left", "Below is what it said last");
}

function headline({ state, epoch, epochs, reason }) {
  switch (state) {
    case "starting":
      return "Waiting for the first batch";
    case "training":
      return `Epoch ${epoch} of ${epochs}`;
    case "measuring":
      return "Trained; the test set is measured";
    case "interrupted":
      return "Stopped before its end";
    case "failed":
      return `Failed: ${reason}`;
    default:
      return "The training has ended";
  }
}

function remaining({ state, share, seconds_left: left, metrics }) {
  if (state === "training") {
    return left === null ? "" : `${duration(left)} left, ${Math.floor(100 * share)} % done`;
  }
  return metrics ? `${percent(metrics.test_accuracy)} accuracy on the test set` : "\u00a0";
}

function showFigures({ curve, history }) {
  const [, loss, accuracy, rate] = last(curve) ?? [null, null, null, null];
  say("loss", loss === null ? "–" : loss.toFixed(4));
  say("accuracy", percent(accuracy));
  say("rate", whole(rate));
  const held = last(history.val_accuracy);
  element("held").parentElement.hidden = held === null && last(history.loss) !== null;
  say("validation", percent(held));
}
