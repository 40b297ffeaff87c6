// The explorer: every test image in the order the reader chooses, and all data on the selected one. Without the image
// files it lists the images in a table. The address of the page holds its state, so a link restores it. Markup and data
// come from report/explorer/. Text from users is only ever shown as text (textContent, labels).
"use strict";

(() => {
  const root = document.getElementById("explorer");
  const data = window.explorerData;
  if (!root || !data) return;

  const PER_PAGE = data.tile ? 48 : 24;
  const SHOWN = 64; // side of a thumbnail, in CSS pixels
  const BIG = 192; // side of the selected image
  const REACH = 24; // greatest distance from a click to a point, in CSS pixels: the width of a finger

  const $ = (selector) => root.querySelector(selector);
  const button = (name) => $(`button[name="${name}"]`);
  const thumbnails = () => [...list.querySelectorAll("button")];
  const form = $("form.controls");
  const field = form.elements;
  const pictured = Boolean(data.tile);
  const list = $(pictured ? "ul.images" : "table.images");
  const canvas = $("canvas");
  const pageField = $('input[name="page"]');

  // --- the data, one value per image

  // base64 of little-endian float32, the byte order of all machines with a browser
  const bytes = (text) => Uint8Array.fromBase64?.(text) ?? Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const unpacked = (text) => new Float32Array(bytes(text).buffer);
  const scores = data.scores.map((score) => ({ ...score, values: unpacked(score.values) }));
  const hsf = data.selected ? Float64Array.from(data.selected, (n, i) => n / data.shown[i]) : null;
  if (hsf) {
    const meaning = `share of ${data.people} who chose the true class`;
    scores.push({ name: "hsf", label: "HSF", meaning, values: hsf, bounds: [0, 1] });
  }

  const state = { order: [], page: 0, chosen: -1 };
  const called = (name) => scores.find((s) => s.name === name);
  const score = () => called(field.score.value);
  const other = () => called(field.against.value);
  const pages = () => Math.max(1, Math.ceil(state.order.length / PER_PAGE));

  // Four significant digits, with a minus sign instead of a hyphen.
  function short(value) {
    if (Number.isNaN(value)) return "undefined";
    const size = Math.abs(value);
    const text = size && (size < 1e-4 || size >= 1e6) ? value.toExponential(3) : String(Number(value.toPrecision(4)));
    return text.replace(/-/g, "\u2212");
  }
  const count = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ","); // toLocaleString takes a phone 0.1 s the first time
  const named = (i) => `${data.classes[data.label[i]]}, ${score().label} ${short(score().values[i])}`;
  const outcome = (i) => (data.correct[i] ? "correctly" : "wrongly");
  const says = (i) => `${data.network} predicts ${data.classes[data.predicted[i]]}, ${outcome(i)}`;

  function element(name, text = "", properties = {}) {
    const made = Object.assign(document.createElement(name), properties);
    made.textContent = text;
    return made;
  }

  // Image i as the background of a square of the given side.
  function paint(target, i, side) {
    const at = i % data.perMosaic;
    const [column, row] = [at % data.across, Math.floor(at / data.across)];
    target.style.backgroundImage = `url("files/explorer-${Math.floor(i / data.perMosaic)}.webp")`;
    target.style.backgroundSize = `${side * data.across}px auto`;
    target.style.backgroundPosition = `${-column * side}px ${-row * side}px`;
  }

  // --- selection and order of the images

  function select() {
    const [label, correct] = [field.label.value, field.correct.value];
    const [low, high] = [field.low?.valueAsNumber, field.high?.valueAsNumber]; // NaN if empty: no bound
    const is = (value, wanted) => wanted === "" || value === Number(wanted);
    const within = (value) => !(value < low || value > high); // true without human labels
    const kept = (_, i) => is(data.label[i], label) && is(data.correct[i], correct) && within(hsf?.[i]);
    const chosen = Array.from(data.id, (_, i) => i).filter(kept);
    const [{ values }, sign] = [score(), Number(field.direction.value)];
    const defined = chosen.filter((i) => !Number.isNaN(values[i])).sort((a, b) => sign * (values[a] - values[b]));
    state.order = [...defined, ...chosen.filter((i) => Number.isNaN(values[i]))]; // undefined values come last
    $(".meaning").textContent = `${score().label}: ${score().meaning}.`;
    $(".status").textContent = `${count(chosen.length)} of ${count(data.id.length)} images`;
    $(".empty").hidden = chosen.length > 0;
    button("csv").disabled = !chosen.length;
    const { n, rho } = window.explorerSelection.spearman(values, other().values, chosen);
    const [names, found] = [`${score().label}, ${other().label}`, short(Number(rho.toFixed(3)))];
    $(".rho").textContent = chosen.length ? `Spearman's \u03c1 (${names}) = ${found}, n = ${count(n)}` : "";
    $(".found").textContent = "";
    turnTo(0);
    choose(chosen.includes(state.chosen) ? state.chosen : state.order[0] ?? -1);
  }

  // --- the list

  // Shows a page, or the nearest that exists, and moves the focus to the image at the given place.
  function turnTo(page, focus = -1) {
    state.page = Math.min(Math.max(0, page), pages() - 1);
    const start = state.page * PER_PAGE;
    const shown = state.order.slice(start, start + PER_PAGE);
    const items = shown.map((i, place) => {
      const thumbnail = element("button", "", { type: "button", tabIndex: place ? -1 : 0, title: data.id[i] });
      thumbnail.dataset.image = i;
      thumbnail.classList.toggle("wrong", !data.correct[i]);
      return (pictured ? tile : row)(thumbnail, i, start + place + 1);
    });
    (pictured ? list : list.tBodies[0]).replaceChildren(...items);
    if (!pictured) list.tHead.replaceChildren(heads());
    pageField.value = state.page + 1;
    pageField.max = pages();
    $(".pages").textContent = `of ${count(pages())}`;
    for (const name of ["first", "previous"]) button(name).disabled = state.page === 0;
    for (const name of ["next", "last"]) button(name).disabled = state.page === pages() - 1;
    mark();
    if (focus >= 0) moveTo(Math.min(focus, items.length - 1));
  }

  function tile(thumbnail, i, number) {
    const item = element("li");
    thumbnail.setAttribute("aria-label", `${count(number)}: ${named(i)}, ${says(i)}`);
    paint(thumbnail, i, SHOWN);
    item.append(thumbnail);
    return item;
  }

  // Without image files: the same as text.
  function row(chooser, i) {
    const [made, first] = [element("tr"), element("th", "", { scope: "row" })];
    chooser.textContent = data.id[i];
    first.append(chooser);
    const named = [data.label[i], data.predicted[i]].map((k) => element("td", data.classes[k]));
    named[1].classList.toggle("wrong", !data.correct[i]);
    const numbers = columns().map((s) => element("td", short(s.values[i]), { className: "number" }));
    made.append(first, ...named, ...numbers);
    return made;
  }
  const columns = () => [...new Set([score(), other()])];

  function heads() {
    const made = element("tr");
    const names = ["image", "class", "prediction", ...columns().map((s) => s.label)];
    made.append(...names.map((name) => element("th", name, { scope: "col" })));
    return made;
  }

  // Marks the thumbnail of the selected image, if it is on this page, and enables the buttons that can be used.
  function mark() {
    for (const thumbnail of thumbnails()) {
      thumbnail.setAttribute("aria-current", Number(thumbnail.dataset.image) === state.chosen);
    }
    button("before").disabled = state.order.indexOf(state.chosen) <= 0;
    button("after").disabled = state.order.at(-1) === state.chosen || !state.order.length;
  }

  // Tab reaches one thumbnail; arrow keys move between them.
  function moveTo(place, focus = true) {
    thumbnails().forEach((thumbnail, k) => (thumbnail.tabIndex = k === place ? 0 : -1));
    if (focus) thumbnails()[place]?.focus();
  }

  list.addEventListener("keydown", (event) => {
    const all = thumbnails();
    const place = all.indexOf(document.activeElement);
    if (place < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const top = (thumbnail) => Math.round(thumbnail.getBoundingClientRect().top);
    const across = all.filter((thumbnail) => top(thumbnail) === top(all[0])).length;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across };
    const next = place + (steps[event.key] ?? 0);
    if (event.key === "Home") moveTo(0);
    else if (event.key === "End") moveTo(all.length - 1);
    else if (event.key === "PageUp") turnTo(state.page - 1, 0);
    else if (event.key === "PageDown") turnTo(state.page + 1, 0);
    else if (!(event.key in steps)) return;
    else if (next >= 0 && next < all.length) moveTo(next);
    else if (next < 0 && state.page > 0) turnTo(state.page - 1, PER_PAGE - 1);
    else if (next >= all.length && state.page < pages() - 1) turnTo(state.page + 1, 0);
    event.preventDefault();
  });

  list.addEventListener("click", (event) => {
    const thumbnail = event.target.closest("button");
    if (!thumbnail) return;
    moveTo(thumbnails().indexOf(thumbnail));
    choose(Number(thumbnail.dataset.image));
    remember();
    $(".summary").scrollIntoView({ block: "nearest" }); // it may be off screen on a phone
  });

  button("first").onclick = () => turnTo(0);
  button("previous").onclick = () => turnTo(state.page - 1);
  button("next").onclick = () => turnTo(state.page + 1);
  button("last").onclick = () => turnTo(pages() - 1);
  pageField.onchange = () => turnTo((Math.round(pageField.valueAsNumber) || 1) - 1);

  // --- the selected image

  function rows(table, cells) {
    const made = cells.map(([name, value, share]) => {
      const row = element("tr");
      row.append(element("th", name, { scope: "row" }), element("td", value));
      if (share !== undefined) row.lastChild.style.setProperty("--share", share);
      return row;
    });
    table.tBodies[0].replaceChildren(...made);
  }

  // -1: none, for example if no image matches the filters.
  function choose(i) {
    state.chosen = i;
    $(".chosen").classList.toggle("none", i < 0);
    if (i >= 0) describe(i);
    else $(".summary").textContent = "No image selected.";
    mark();
    draw();
  }

  function describe(i) {
    const own = data.classes[data.label[i]];
    const chose = hsf && `${data.selected[i]} of ${data.shown[i]} ${data.people} chose ${own}: HSF ${short(hsf[i])}.`;
    if (pictured) {
      paint($(".picture"), i, BIG);
      $(".picture").setAttribute("aria-label", `Test image ${data.id[i]}, true class ${own}`);
    }
    $(".summary").textContent = `${data.id[i]}, true class ${own}. ${says(i)}. ${chose ?? ""}`;
    rows($("table.scores"), scores.map((s) => [s.label, short(s.values[i])]));
    if (data.answers) {
      rows($("table.answers"), data.answers[i].map(([k, n]) => [data.classes[k], String(n), n / data.shown[i]]));
    }
  }

  // Selects the image that many steps further in the order; the list follows.
  function step(by) {
    const next = state.order[state.order.indexOf(state.chosen) + by];
    if (next === undefined) return;
    reveal(next);
    remember();
  }

  function reveal(i) {
    choose(i);
    const place = state.order.indexOf(i);
    if (place < 0) return;
    turnTo(Math.floor(place / PER_PAGE));
    moveTo(place % PER_PAGE, false);
  }

  button("before").onclick = () => step(-1);
  button("after").onclick = () => step(1);
  button("back").onclick = () => list.querySelector('[tabindex="0"]')?.focus();

  // By id, by the number at the end of the id, or by row number.
  function find(text) {
    const wanted = text.trim();
    if (!wanted) return;
    const number = /^\d+$/.test(wanted) ? Number(wanted) : NaN;
    const ends = (id) => Number(/(\d+)\D*$/.exec(id)?.[1]) === number;
    const found = [data.id.indexOf(wanted), data.id.findIndex(ends), number].find((i) => data.id[i] !== undefined);
    const said = $(".found");
    if (found === undefined) {
      said.textContent = `No image has the id or number ${wanted}.`;
      return;
    }
    reveal(found);
    said.textContent = state.order.includes(found) ? "" : `${data.id[found]} does not match the filters.`;
    remember();
  }

  $("form.find").addEventListener("submit", (event) => {
    event.preventDefault();
    find(event.target.elements.find.value);
  });

  button("csv").onclick = () => {
    const names = scores.map((s) => s.label);
    const head = ["id", "class", `predicted by ${data.network}`, ...names, ...(hsf ? ["selected", "shown"] : [])];
    const rows = state.order.map((i) => [
      ...[data.id[i], data.classes[data.label[i]], data.classes[data.predicted[i]]],
      ...scores.map((s) => (Number.isNaN(s.values[i]) ? "" : Number(s.values[i].toPrecision(9)))),
      ...(hsf ? [data.selected[i], data.shown[i]] : []),
    ]);
    const file = new Blob([window.explorerSelection.csv([head, ...rows])], { type: "text/csv" });
    const link = element("a", "", { href: URL.createObjectURL(file), download: "selection.csv" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  // --- the address: settings that differ from the defaults, and the selected image

  const settings = () => Object.fromEntries([...form.elements].filter((f) => f.name).map((f) => [f.name, f.value]));
  let atStart = {};

  function address() {
    const changed = Object.entries(settings()).filter(([name, value]) => value !== atStart[name]);
    const entries = new URLSearchParams(changed);
    if (state.chosen >= 0) entries.set("image", data.id[state.chosen]);
    return `#${entries}`;
  }

  // Adds a step to the history of the browser; typing in a field adds none.
  function remember(step = true) {
    if (location.hash === address()) return;
    history[step ? "pushState" : "replaceState"](null, "", address());
  }

  // Restores the state from the address; invalid values are ignored.
  function restore() {
    const entries = new URLSearchParams(location.hash.slice(1));
    for (const [name, initial] of Object.entries(atStart)) {
      field[name].value = entries.get(name) ?? initial;
      if (entries.has(name) && field[name].value !== entries.get(name)) field[name].value = initial;
    }
    select();
    const chosen = data.id.indexOf(entries.get("image"));
    if (chosen >= 0) reveal(chosen); // even if it does not match the filters
  }

  // --- scatter plot of the score against HSF or another score

  const scatter = { x: [], y: [], order: [] }; // positions of the drawn images, in CSS pixels

  // Scores that span orders of magnitude get a logarithmic axis.
  function axis({ values, bounds }) {
    const sorted = bounds ?? values.filter((v) => !Number.isNaN(v)).sort();
    const [low, high] = [sorted[0] ?? 0, sorted.at(-1) ?? 1];
    const log = !bounds && low > 0 && high / sorted[sorted.length >> 1] > 20;
    const [scale, back] = log ? [Math.log, Math.exp] : [(v) => v, (v) => v];
    const [from, length] = [scale(low), scale(high) - scale(low)];
    const place = (v) => (length > 0 ? (scale(v) - from) / length : 0.5);
    return { log, place, at: (t) => short(Number(back(from + t * length).toPrecision(3))) };
  }
  const title = (s, { log }) => s.label + (log ? " (logarithmic)" : "");

  const square = (pen, x, y) => pen.rect(x - 1.5, y - 1.5, 3, 3);
  const stroke = (pen, x, y, d) => (pen.moveTo(x - 2.5, y - d), pen.lineTo(x + 2.5, y + d));
  const cross = (pen, x, y) => (stroke(pen, x, y, 2.5), stroke(pen, x, y, -2.5));

  const look = () => [canvas.clientWidth, canvas.clientHeight, window.devicePixelRatio, document.documentElement.dataset.theme].join();
  let drawn = ""; // the look at the last drawing
  const redraw = () => look() === drawn || draw();

  // When the browser has nothing more urgent to do, such as showing the list, and once however often it is asked for.
  const later = window.requestIdleCallback ?? window.requestAnimationFrame;
  let asked = false;
  function draw() {
    if (asked) return;
    asked = true;
    later(() => {
      asked = false;
      if (canvas.clientWidth) drawNow();
    });
  }

  function drawNow() {
    drawn = look();
    const [width, height, ratio] = [canvas.clientWidth, canvas.clientHeight, window.devicePixelRatio || 1];
    [canvas.width, canvas.height] = [width * ratio, height * ratio];
    const [pen, style] = [canvas.getContext("2d"), getComputedStyle(root)];
    const colour = (name) => style.getPropertyValue(`--${name}`);
    const [across, up] = [axis(other()), axis(score())];
    pen.scale(ratio, ratio);
    pen.font = `12px ${style.fontFamily}`;
    const marks = [0, 0.2, 0.4, 0.6, 0.8, 1];
    const widest = Math.max(...marks.map((t) => pen.measureText(up.at(t)).width)); // of the labels on the left
    const [left, right, top, bottom] = [Math.max(58, widest + 8), width - 10, 26, height - 38];
    pen.fillStyle = style.color;
    pen.strokeStyle = colour("rule");
    pen.strokeRect(left, top, right - left, bottom - top);
    for (const t of marks) {
      pen.textAlign = t === 1 ? "right" : "center";
      pen.fillText(across.at(t), left + t * (right - left), bottom + 15);
      pen.textAlign = "right";
      pen.fillText(up.at(t), left - 5, bottom - t * (bottom - top) + 4);
    }
    pen.fillText(title(other(), across), right, bottom + 32);
    pen.textAlign = "left";
    pen.fillText(title(score(), up), left, 14);
    const [x, y] = [other().values, score().values];
    const shown = (scatter.order = state.order.filter((i) => !Number.isNaN(x[i] + y[i])));
    scatter.x = shown.map((i) => left + across.place(x[i]) * (right - left));
    scatter.y = shown.map((i) => bottom - up.place(y[i]) * (bottom - top));
    pen.globalAlpha = 0.75; // a single mark still has a contrast of 3:1 with the page
    for (const correct of [1, 0]) { // correct: squares; wrong: crosses, on top
      const places = new Set(); // one mark for all images at the same pixel
      pen.beginPath();
      shown.forEach((i, k) => {
        if (data.correct[i] !== correct) return;
        const [column, line] = [Math.round(scatter.x[k] * ratio), Math.round(scatter.y[k] * ratio)];
        if (places.size === places.add(line * canvas.width + column).size) return;
        (correct ? square : cross)(pen, column / ratio, line / ratio);
      });
      pen.fillStyle = pen.strokeStyle = colour(correct ? "right" : "wrong");
      if (correct) pen.fill();
      else pen.stroke();
      pen.globalAlpha = 1;
    }
    pen.beginPath();
    const k = shown.indexOf(state.chosen);
    const [centre, middle] = [scatter.x[k], scatter.y[k]];
    if (k >= 0) pen.arc(centre, middle, 8, 0, 7);
    pen.strokeStyle = style.color;
    pen.lineWidth = 2.5;
    pen.stroke();
    const [tip, px] = [$(".tip"), (value) => `${value}px`]; // the selected image beside its point
    tip.hidden = k < 0 || !pictured;
    if (!tip.hidden) paint(tip, state.chosen, SHOWN);
    tip.style.left = px(centre + (centre > width / 2 ? -12 - SHOWN : 12));
    tip.style.top = px(Math.max(0, middle - SHOWN / 2));
    const names = `${score().label} against ${other().label}`;
    canvas.setAttribute("aria-label", `Scatter plot of ${names}, ${count(shown.length)} images`);
  }

  canvas.addEventListener("click", (event) => {
    let [nearest, least] = [-1, REACH * REACH];
    scatter.order.forEach((i, k) => {
      const distance = (scatter.x[k] - event.offsetX) ** 2 + (scatter.y[k] - event.offsetY) ** 2;
      if (distance < least) [nearest, least] = [i, distance];
    });
    if (nearest < 0) return;
    reveal(nearest);
    remember();
  });

  canvas.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
    else return;
    event.preventDefault();
  });

  // --- start

  for (const s of scores) {
    for (const choice of [field.score, field.against]) choice.append(element("option", s.label, { value: s.name }));
  }
  field.against.value = (hsf ? called("hsf") : called("confidence") ?? scores.at(-1)).name;
  field.against.selectedOptions[0].defaultSelected = true; // also after a reset
  const shown = new Set(data.label); // a network may have more classes than occur in the images
  data.classes.forEach((name, k) => shown.has(k) && field.label.append(element("option", name, { value: k })));
  if (!hsf) root.querySelectorAll(".people").forEach((part) => part.remove());
  else if (!data.answers) $("table.answers").remove();
  root.querySelectorAll(pictured ? ".in-words" : ".in-pictures").forEach((part) => part.remove());
  form.addEventListener("input", (event) => {
    select();
    remember(event.target.tagName === "SELECT");
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => (select(), remember()))); // after the fields have been reset
  atStart = settings();
  addEventListener("popstate", restore);
  new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  new ResizeObserver(redraw).observe(canvas);
  form.hidden = $("form.find").hidden = $(".panes").hidden = false;
  restore();
})();
