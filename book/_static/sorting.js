// The table of all numbers: a click on a column header sorts by it, numerically for numbers; the search field keeps the
// rows that contain all words.
(() => {
  const table = document.querySelector("table.numbers");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.sort === undefined ? cell.textContent : Number(cell.dataset.sort);
  };
  const compare = (a, b) => {
    if (typeof a === "string") return a.localeCompare(b, "en", { numeric: true });
    return Number.isNaN(a) || Number.isNaN(b) ? Number.isNaN(a) - Number.isNaN(b) : a - b;
  };

  // Rows below the first screens (book.css) are laid out some at a time when the page is idle, or all when needed.
  const waiting = [...rows]; // sorting moves the first ones, too
  const layOut = (n = waiting.length) => {
    for (const row of waiting.splice(0, n)) row.classList.add("laid-out");
  };
  const whenIdle = window.requestIdleCallback ?? setTimeout;
  const layOutMore = () => {
    layOut(100);
    if (waiting.length) whenIdle(layOutMore);
  };

  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: head.textContent });
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      layOut();
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      rows.sort((a, b) => compare(value(a, column), value(b, column)) * (down ? -1 : 1));
      body.append(...rows);
    });
  });

  const label = Object.assign(document.createElement("label"), { textContent: "Rows with " });
  const field = Object.assign(document.createElement("input"), { type: "search", placeholder: "avh resnet50 kendall" });
  const count = Object.assign(document.createElement("output"), { className: "count" });
  const filter = () => {
    const words = field.value.toLowerCase().split(/\s+/);
    for (const row of rows) row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
    count.textContent = ` ${rows.filter((row) => !row.hidden).length} of ${rows.length}`;
  };
  field.addEventListener("input", () => {
    layOut();
    filter();
  });
  label.append(field);
  const line = Object.assign(document.createElement("p"), { className: "filter" });
  line.append(label, count);
  table.parentElement.before(line);
  filter();
  addEventListener("load", () => whenIdle(layOutMore));
})();
