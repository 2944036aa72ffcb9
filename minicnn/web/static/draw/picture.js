// A picture from a file, the clipboard, or dropped onto the paper.

const LARGEST_SIDE = 1600; // the service reduces it to that anyway
const MOST_BYTES = 1_000_000; // of a request

export function takePictures(input, paper, sketch, fail) {
  const take = async (file) => {
    if (!file) return;
    const bitmap = await createImageBitmap(file).catch(() => null); // a TIFF, say: the service can
    const blob = bitmap ? await reduced(file, bitmap) : file;
    if (blob.size > MOST_BYTES) {
      fail(`${file.name} is too large, and no picture that this browser could make smaller`);
      return;
    }
    sketch.put(bitmap, new Blob([blob], { type: "application/octet-stream" }), file.name);
  };

  input.addEventListener("change", async () => {
    await take(input.files[0]);
    input.value = ""; // so that the same file can be chosen again
  });
  document.addEventListener("paste", (event) => take(event.clipboardData.files[0]));
  paper.addEventListener("dragover", (event) => {
    event.preventDefault();
    paper.classList.add("over");
  });
  paper.addEventListener("dragleave", () => paper.classList.remove("over"));
  paper.addEventListener("drop", (event) => {
    event.preventDefault();
    paper.classList.remove("over");
    take(event.dataTransfer.files[0]);
  });
}

// The file itself if it may be sent as it is.
async function reduced(file, bitmap) {
  const scale = Math.min(1, LARGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  if (scale === 1 && file.size <= MOST_BYTES) return file;
  const canvas = new OffscreenCanvas(bitmap.width * scale, bitmap.height * scale);
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff"; // a JPEG has no transparency
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 });
}
