// The confusion matrix: how often each class was taken for each.

// - `confusion`: rows of counts, null without a validation set, missing before the first epoch.
export function showMatrix(table, { confusion, classes, history }) {
  table.closest("section").hidden = confusion === null;
  if (!confusion) return;
  if (table.rows.length !== confusion.length + 1) build(table, classes);
  confusion.forEach((row, truth) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    row.forEach((count, answer) => {
      const cell = table.rows[truth + 1].cells[answer + 1];
      cell.textContent = count || "";
      cell.className = truth === answer ? "right" : "wrong";
      cell.title = `${classes[truth]} taken for ${classes[answer]}: ${count} of ${total}`;
      // Mistakes are rare: the root shows them beside the many that are right.
      cell.style.setProperty("--share", total ? Math.sqrt(count / total) : 0);
    });
  });
  const after = history.loss?.length ?? 0;
  const all = confusion.flat().reduce((sum, count) => sum + count, 0);
  const right = confusion.reduce((sum, row, i) => sum + row[i], 0);
  document.getElementById("matrixnote").textContent =
    `After epoch ${after}: ${(all - right).toLocaleString("en")} of ${all.toLocaleString("en")} wrong.`;
}

function build(table, classes) {
  const heading = (name, scope) => {
    const cell = document.createElement("th");
    cell.scope = scope;
    cell.textContent = name;
    return cell;
  };
  const head = document.createElement("tr");
  head.append(document.createElement("td"), ...classes.map((name) => heading(name, "col")));
  const rows = classes.map((name) => {
    const row = document.createElement("tr");
    row.append(heading(name, "row"), ...classes.map(() => document.createElement("td")));
    return row;
  });
  table.replaceChildren(head, ...rows);
}
