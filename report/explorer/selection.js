// Computations on a selection that need no page: a coefficient and a CSV file.
"use strict";

window.explorerSelection = (() => {
  // Ranks from 1; equal values share their mean rank.
  function ranks(values) {
    const order = Array.from(values, (_, i) => i).sort((a, b) => values[a] - values[b]);
    const result = new Float64Array(values.length);
    for (let start = 0, end = 0; start < order.length; start = end) {
      while (end < order.length && values[order[end]] === values[order[start]]) end += 1;
      for (let k = start; k < end; k += 1) result[order[k]] = (start + end + 1) / 2;
    }
    return result;
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
