// A mistake of the net on the paper, and whether it is drawn better than it was.

import { made, percent } from "./words.js";

// The picture of a mistake, dark on light as it is drawn here; and as the net is sent it.
export async function pictureOf({ pixels }) {
  const canvas = new OffscreenCanvas(pixels[0].length, pixels.length);
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  pixels.flat().forEach((level, i) => image.data.set([level, level, level, 255], 4 * i));
  context.putImageData(image, 0, 0);
  return { bitmap: await createImageBitmap(inked(image)), blob: await canvas.convertToBlob() };
}

// Ink of this colour on nothing, so that the paper is seen between.
function inked(image) {
  const ink = new ImageData(image.width, image.height);
  for (let i = 0; i < image.data.length; i += 4) {
    ink.data.set([110, 120, 130, image.data[i]], i);
  }
  return ink;
}

// - `mistake`: what is on the paper, or null; `answer`: of the net to what is drawn over it.
export function showChallenge(element, mistake, answer = null) {
  element.hidden = mistake === null;
  if (mistake === null) return;
  const { number, label, answer: wrong, probability } = mistake;
  element.classList.toggle("met", answer === label);
  if (answer === label) {
    element.replaceChildren(`Right: the net reads your ${label}.`);
  } else if (answer !== null) {
    const words = `The net takes it for ${answer}. It should be `;
    element.replaceChildren(words, made("b", "", label), ".");
  } else {
    element.replaceChildren(
      `Test picture ${number.toLocaleString("en")} is `,
      made("b", "", label),
      `; the net said ${wrong} (${percent(probability)}). Draw it over: clearer.`,
    );
  }
}
