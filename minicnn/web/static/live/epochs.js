// The figures of each finished epoch, the newest first.

const COLUMNS = ["loss", "accuracy", "val_loss", "val_accuracy"];

export function showEpochs(table, history) {
  const count = history.loss?.length ?? 0;
  const [body] = table.tBodies;
  while (body.rows.length > count) body.deleteRow(0); // another training at the same address
  while (body.rows.length < count) body.prepend(newRow(body.rows.length, history));
}

function newRow(epoch, history) {
  const row = document.createElement("tr");
  const values = COLUMNS.map((name) => history[name]?.[epoch]?.toFixed(4) ?? "–");
  for (const value of [epoch + 1, ...values]) row.insertCell().textContent = value;
  return row;
}
