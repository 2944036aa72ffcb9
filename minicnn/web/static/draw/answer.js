// The network's answer on the page: its word, its probabilities, and the picture that it was given.

const MOST_BARS = 12; // of more classes the most probable are shown

const element = (id) => document.getElementById(id);
const percent = (share) => `${(100 * share).toFixed(1)} %`;

export class Answer {
  #classes;

  // - `model`: what the service says of its model.
  constructor(model) {
    this.#classes = model.classes;
    const [height, width] = model.input_shape;
    Object.assign(element("seen"), { width, height });
    element("size").textContent = `${height} × ${width} pixels`;
    element("model").textContent = words(model);
    this.clear();
  }

  static async of(url) {
    const response = await fetch(url);
    return new Answer(await response.json());
  }

  show({ label, probability, sure, candidates, seen, notes }) {
    this.#state(sure ? "sure" : "doubtful");
    element("label").textContent = label;
    element("label").classList.toggle("word", label.length > 2);
    const [, second] = candidates;
    const doubt = sure || !second ? "" : `, perhaps ${second.label}`;
    element("certainty").textContent = [`${percent(probability)}${doubt}`, ...notes].join("; ");
    this.#bars(candidates);
    paintPixels(element("seen"), seen);
  }

  clear() {
    this.#state("empty");
    element("label").textContent = "–";
    element("label").classList.remove("word");
    element("certainty").textContent = "\u00a0";
    this.#bars(this.#classes.map((label) => ({ label, probability: 0 })));
    paintPixels(element("seen"), []);
  }

  fail(why) {
    this.clear();
    this.#state("empty failed");
    element("certainty").textContent = why.charAt(0).toUpperCase() + why.slice(1);
  }

  #state(name) {
    element("verdict").className = `verdict ${name}`;
  }

  // In the classes' own order if all have room, otherwise the most probable first.
  #bars(candidates) {
    const shares = new Map(candidates.map(({ label, probability }) => [label, probability]));
    const fits = this.#classes.length <= MOST_BARS;
    const shown = fits ? this.#classes : [...shares.keys()].slice(0, MOST_BARS);
    const best = Math.max(...shares.values());
    const list = element("bars");
    while (list.children.length < shown.length) list.append(newBar());
    shown.forEach((label, i) => {
      const [name, track, share] = list.children[i].children;
      name.textContent = label;
      track.firstChild.style.setProperty("--share", shares.get(label));
      share.textContent = best > 0 ? percent(shares.get(label)) : "";
      list.children[i].className = best > 0 && shares.get(label) === best ? "first" : "";
    });
  }
}

function newBar() {
  const bar = document.createElement("li");
  for (const kind of ["name", "track", "share"]) {
    const part = document.createElement("span");
    part.className = kind;
    bar.append(part);
  }
  bar.children[1].append(document.createElement("span"));
  return bar;
}

function words({ name, parameters, test_accuracy: accuracy }) {
  const facts = [name, `${parameters.toLocaleString("en")} parameters`];
  if (accuracy !== null) facts.push(`${(100 * accuracy).toFixed(2)} % accuracy`);
  return facts.join(" · ");
}

// - `rows`: 0 for paper, 255 for ink, which is white here as in MNIST; none for an empty picture.
function paintPixels(canvas, rows) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  rows.flat().forEach((level, i) => image.data.set([level, level, level, 255], 4 * i));
  context.putImageData(image, 0, 0);
}
