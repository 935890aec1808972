"use strict";
// Sorts the tables of the class page by any column and shows the rows of students that are searched for.
(() => {
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const points = (cell) => parseFloat(cell.textContent.replace(/^[^\d-]+/, ""));

  const tables = [...document.querySelectorAll("table")].map((table) => {
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => ({
      row, name: row.cells[0].textContent, plain: plain(row.cells[0].textContent),
    }));
    return { table, body, rows };
  });

  for (const { table, body, rows } of tables) {
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const down = heading.getAttribute("aria-sort") === "ascending";
        headings.forEach((other) => other.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", down ? "descending" : "ascending");
        const keyed = rows.map((one) => ({ one, key: column ? points(one.row.cells[column]) : one.name }));
        keyed.sort((a, b) => {
          if (!column) return collator.compare(a.key, b.key) * (down ? -1 : 1);
          if (Number.isNaN(a.key) || Number.isNaN(b.key)) return Number.isNaN(a.key) - Number.isNaN(b.key);
          return (a.key - b.key) * (down ? -1 : 1) || collator.compare(a.one.name, b.one.name);
        });
        body.append(...keyed.map(({ one }) => one.row));
      });
    });
  }

  const search = document.getElementById("search");
  if (!search) return;
  const field = search.querySelector("input"), said = search.querySelector("output");
  search.hidden = false;
  field.addEventListener("input", () => {
    const words = plain(field.value).split(/\s+/).filter(Boolean);
    const found = new Set();
    for (const { rows } of tables) {
      for (const { row, name, plain } of rows) {
        row.hidden = !words.every((word) => plain.includes(word));
        if (!row.hidden) found.add(name);
      }
    }
    said.textContent = words.length ? `${found.size} of ${field.dataset.students} students` : "";
  });
})();
