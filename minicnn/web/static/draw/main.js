// The page: what is drawn goes to the network, and its answer to the page.

import { Answer } from "./answer.js";
import { Asker } from "./asker.js";
import { drawWithKeys } from "./keys.js";
import { takePictures } from "./picture.js";
import { drawWithPointer } from "./pointer.js";
import { Sketch } from "./sketch.js";
import { switchTheme } from "./theme.js";

const element = (id) => document.getElementById(id);
const board = element("board");
const sketch = new Sketch(board);
switchTheme(element("theme"), () => sketch.draw());
const answer = await Answer.of("/model");
const asker = new Asker("/predict", (found) => answer.show(found), (why) => answer.fail(why));

asker.onBusy = (isBusy) => element("verdict").setAttribute("aria-busy", isBusy);
sketch.onChange = () => {
  element("hint").hidden = !sketch.isEmpty;
  element("undo").disabled = !sketch.canUndo;
  element("clear").disabled = sketch.isEmpty;
  if (sketch.isEmpty) {
    asker.forget();
    answer.clear();
  } else {
    asker.ask(() => sketch.toBlob());
  }
};

drawWithPointer(board, sketch);
drawWithKeys(board, sketch);
takePictures(element("file"), board.parentElement, sketch, (why) => answer.fail(why));
element("undo").addEventListener("click", () => sketch.undo());
element("clear").addEventListener("click", () => sketch.clear());
