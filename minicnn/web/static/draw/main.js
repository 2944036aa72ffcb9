// The page: what is drawn goes to the nets, and their answers to the page.

import { Boxes } from "./boxes.js";
import { pictureOf, showChallenge } from "./challenge.js";
import { Gallery } from "./gallery.js";
import { Inside } from "./inside.js";
import { drawWithKeys } from "./keys.js";
import { factsOf, nameOf, openNets } from "./nets.js";
import { takePictures } from "./picture.js";
import { drawWithPointer } from "./pointer.js";
import { Sketch } from "./sketch.js";
import { switchTheme } from "./theme.js";
import { made } from "./words.js";

const PENS = { one: 0.055, several: 0.03 };

const element = (id) => document.getElementById(id);
const board = element("board");
const sketch = new Sketch(board);
const boxes = new Boxes(element("boxes"));
const inside = new Inside(element("inside"), element("inspector"));
const gallery = new Gallery(element("gallery"), putMistake);
const nets = await openNets(element("answer"), element("answers"));
let looked = nets[0]; // whose layers and mistakes are shown
let mode = "one";

switchTheme(element("theme"), () => {
  sketch.draw();
  boxes.draw();
  inside.draw();
});

function changed() {
  element("hint").hidden = !sketch.isEmpty;
  element("undo").disabled = !sketch.canUndo;
  element("clear").disabled = sketch.isEmpty;
  const mistake = sketch.picture?.mistake ?? null;
  if (!mistake || !sketch.isDrawn) showChallenge(element("challenge"), mistake);
  if (sketch.isEmpty) nets.forEach((net) => net.clear());
  else nets.forEach((net) => net.ask(() => sketch.toBlob(), mode === "several"));
}

function setMode(name) {
  mode = name;
  sketch.pen = PENS[name];
  element("draw").classList.toggle("several-digits", name === "several");
  element("mode").querySelector(`[value=${name}]`).checked = true;
  const what = name === "one" ? "Draw a digit here" : "Draw several digits in a row";
  element("hint").textContent = what;
  nets.forEach((net) => net.clear());
  changed();
}

async function putMistake(mistake) {
  if (mode !== "one") setMode("one");
  const { bitmap, blob } = await pictureOf(mistake);
  sketch.put(bitmap, blob, "", mistake);
  element("draw").scrollIntoView({ behavior: "smooth", block: "start" });
  board.focus({ preventScroll: true });
}

function look(net) {
  looked = net;
  const whose = `The worst mistakes of ${nameOf(net.model)}`;
  element("gallery-title").textContent = nets.length > 1 ? whose : "Its worst mistakes";
  inside.open(net.model, net.run);
  inside.see(net.seen);
  gallery.open(net.run);
}

for (const net of nets) {
  net.onSeen = (seen) => net === looked && inside.see(seen);
  net.onReading = (found) => net === looked && boxes.show(found);
  net.onAnswer = ({ label }) => {
    const mistake = sketch.picture?.mistake;
    if (net === looked && mistake && sketch.isDrawn) {
      showChallenge(element("challenge"), mistake, label);
    }
  };
}

if (nets.length === 1) {
  element("model").textContent = `${nameOf(looked.model)} · ${factsOf(looked.model)}`;
}
element("answers").classList.toggle("two", nets.length > 1);
element("runs").hidden = nets.length === 1;
for (const net of nets) {
  const label = made("label");
  const input = Object.assign(document.createElement("input"), { type: "radio", name: "run" });
  input.checked = net === looked;
  input.addEventListener("change", () => look(net));
  label.append(input, nameOf(net.model));
  element("runs").append(label);
}

sketch.onChange = changed;
drawWithPointer(board, sketch);
drawWithKeys(board, sketch);
const fail = (why) => nets.forEach((net) => net.fail(why));
takePictures(element("file"), board.parentElement, sketch, fail);
element("undo").addEventListener("click", () => sketch.undo());
element("clear").addEventListener("click", () => sketch.clear());
element("mode").addEventListener("change", (event) => setMode(event.target.value));
look(looked);
document.body.dataset.ready = "";
