// Computations on a selection that need no page: a coefficient and a CSV file.
"use strict";

window.explorerSelection = (() => {
  // Ranks from 1; equal values share their mean rank.
  function ranks(values) {
    const sorted = Float64Array.from(values).sort();
    const rank = new Map();
    for (let start = 0, end = 0; start < sorted.length; start = end) {
      while (end < sorted.length && sorted[end] === sorted[start]) end += 1;
      rank.set(sorted[start], (start + end + 1) / 2);
    }
    return Float64Array.from(values, (value) => rank.get(value));
  }

  function pearson(x, y) {
    const mean = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;
    const [mx, my] = [mean(x), mean(y)];
    let [xy, xx, yy] = [0, 0, 0];
    x.forEach((_, i) => {
      xy += (x[i] - mx) * (y[i] - my);
      xx += (x[i] - mx) ** 2;
      yy += (y[i] - my) ** 2;
    });
    return xy / Math.sqrt(xx * yy);
  }

  // Spearman's coefficient over the images with both values, and their number; NaN if a score does not vary.
  function spearman(x, y, images) {
    const both = images.filter((i) => !Number.isNaN(x[i] + y[i]));
    return { n: both.length, rho: pearson(ranks(both.map((i) => x[i])), ranks(both.map((i) => y[i]))) };
  }

  const quoted = (value) => (/[",\n\r]/.test(value) ? `"${String(value).replace(/"/g, '""')}"` : String(value));
  const csv = (rows) => rows.map((row) => row.map(quoted).join(",")).join("\n") + "\n";

  return { spearman, csv };
})();
