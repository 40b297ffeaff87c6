// What scrolls sideways can be reached with the Tab key. The theme measures each table when a page is loaded, also those
// in closed details, with one layout for each; here they are measured after a layout that takes place anyway.
(() => {
  const SCROLLABLE = "pre, .cell_output > .output, .pst-scrollable-table-container";
  const overflows = (box) => box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight;
  const observer = new ResizeObserver((entries) => {
    const tabIndices = entries.map(({ target }) => (overflows(target) ? 0 : -1)); // all are read before any is written
    entries.forEach(({ target }, k) => (target.tabIndex = tabIndices[k]));
  });
  document.querySelectorAll(SCROLLABLE).forEach((box) => observer.observe(box));
})();
