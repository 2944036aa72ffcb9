// The page: asks how the training is, and shows it.

import { switchTheme } from "../draw/theme.js";
import { Chart } from "./chart.js";
import { showEpochs } from "./epochs.js";
import { Filters } from "./filters.js";
import { showMatrix } from "./matrix.js";
import { watchTraining } from "./poll.js";
import { showState, showGone } from "./state.js";
import { percent, short, whole } from "./words.js";

const element = (id) => document.getElementById(id);
const losses = new Chart(element("losses"), { name: "Loss", write: short, lowest: 0 });
const accuracies = new Chart(element("accuracies"), { name: "Accuracy", write: percent, highest: 1 });
const rates = new Chart(element("rates"), { name: "Images a second", write: whole, lowest: 0 });
const filters = new Filters(element("filters"));
let newest = null;
let finished = ""; // the training and the epoch of which the tables are

function show(training) {
  newest = training;
  showState(training);
  if (training.epochs === undefined) return; // it has not begun
  const { curve, history, epochs } = training;
  const along = (place) => curve.map((point) => [point[0], point[place]]);
  const after = (name) => (history[name] ?? []).map((value, i) => [i + 1, value]);
  losses.show(epochs, along(1), after("val_loss"));
  accuracies.show(epochs, along(2), after("val_accuracy"));
  rates.show(epochs, along(3), []);
  filters.show(training.filters);
  const now = `${training.tag.split("-")[0]} ${history.loss?.length ?? 0}`;
  if (now === finished) return;
  finished = now;
  showMatrix(element("matrix"), training);
  showEpochs(element("epochs"), history);
}

switchTheme(element("theme"), () => newest && filters.show(newest.filters));
watchTraining("/training", show, showGone);
