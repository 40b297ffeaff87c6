// The explorer: every test image in an order of the reader's choice, and all that is known of the chosen one.
// Markup and data come from report/explorer/. Text from users is only ever shown as text (textContent, labels).
"use strict";

(() => {
  const root = document.getElementById("explorer");
  const data = window.explorerData;
  if (!root || !data) return;

  const PER_PAGE = 48;
  const SHOWN = 64; // CSS pixels of a thumbnail's side
  const BIG = 192; // and of the chosen image's
  const REACH = 24; // CSS pixels from a click to a point: a finger's width

  const $ = (selector) => root.querySelector(selector);
  const button = (name) => $(`button[name="${name}"]`);
  const thumbnails = () => [...list.querySelectorAll("button")];
  const form = $("form");
  const field = form.elements;
  const list = $(".images");
  const canvas = $("canvas");
  const pageField = $('input[name="page"]');

  // --- the data, a value per image

  // base64 of float32, low byte first, as every browser's machine has it
  const unpacked = (text) => new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  const scores = data.scores.map((score) => ({ ...score, values: unpacked(score.values) }));
  const hsf = data.selected ? Float64Array.from(data.selected, (n, i) => n / data.shown[i]) : null;
  if (hsf) scores.push({ label: "HSF", meaning: `share of ${data.people} who chose its own class`, values: hsf });

  const state = { order: [], page: 0, chosen: -1 };
  const score = () => scores[field.score.value];
  const pages = () => Math.max(1, Math.ceil(state.order.length / PER_PAGE));

  // Four digits for every size of number; a real minus.
  function short(value) {
    if (Number.isNaN(value)) return "undefined";
    const size = Math.abs(value);
    const text = size && (size < 1e-4 || size >= 1e6) ? value.toExponential(3) : String(Number(value.toPrecision(4)));
    return text.replace(/-/g, "\u2212");
  }
  const count = (n) => n.toLocaleString("en");
  const named = (i) => `${data.classes[data.label[i]]}, ${score().label} ${short(score().values[i])}`;
  const outcome = (i) => (data.correct[i] ? "rightly" : "wrongly");
  const says = (i) => `${data.network} says ${data.classes[data.predicted[i]]}, ${outcome(i)}`;

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

  // --- which images, in which order

  function select() {
    const [label, correct] = [field.label.value, field.correct.value];
    const [low, high] = [field.low?.valueAsNumber, field.high?.valueAsNumber]; // NaN where nothing is typed: no bound
    const is = (value, wanted) => wanted === "" || value === Number(wanted);
    const within = (value) => !(value < low || value > high); // also where nobody was asked
    const kept = (_, i) => is(data.label[i], label) && is(data.correct[i], correct) && within(hsf?.[i]);
    const chosen = Array.from(data.id, (_, i) => i).filter(kept);
    const [{ values }, sign] = [score(), Number(field.direction.value)];
    const last = (i) => Number.isNaN(values[i]); // undefined comes last in either direction
    state.order = chosen.sort((a, b) => last(a) - last(b) || (last(a) ? 0 : sign * (values[a] - values[b])) || a - b);
    $(".meaning").textContent = `${score().label}: ${score().meaning}.`;
    $(".status").textContent = `${count(chosen.length)} of ${count(data.id.length)} images`;
    turnTo(0);
    draw();
  }

  // --- the list

  // Shows a page, the nearest that exists, and moves the focus to the image at this place of it, if one is given.
  function turnTo(page, focus = -1) {
    state.page = Math.min(Math.max(0, page), pages() - 1);
    const start = state.page * PER_PAGE;
    const items = state.order.slice(start, start + PER_PAGE).map((i, place) => {
      const item = element("li");
      const thumbnail = element("button", "", { type: "button", tabIndex: place ? -1 : 0, title: data.id[i] });
      thumbnail.dataset.image = i;
      thumbnail.setAttribute("aria-label", `${count(start + place + 1)}: ${named(i)}, ${says(i)}`);
      thumbnail.classList.toggle("wrong", !data.correct[i]);
      paint(thumbnail, i, SHOWN);
      item.append(thumbnail);
      return item;
    });
    list.replaceChildren(...items);
    pageField.value = state.page + 1;
    pageField.max = pages();
    $(".pages").textContent = `of ${count(pages())}`;
    for (const name of ["first", "previous"]) button(name).disabled = state.page === 0;
    for (const name of ["next", "last"]) button(name).disabled = state.page === pages() - 1;
    mark();
    if (focus >= 0) moveTo(Math.min(focus, items.length - 1));
  }

  // The chosen image's thumbnail, where it is on this page, and what can be stepped to from it.
  function mark() {
    for (const thumbnail of thumbnails()) {
      thumbnail.setAttribute("aria-current", Number(thumbnail.dataset.image) === state.chosen);
    }
    button("before").disabled = state.order.indexOf(state.chosen) <= 0;
    button("after").disabled = state.order.at(-1) === state.chosen || !state.order.length;
  }

  // One thumbnail at a time can be reached with Tab; arrows move among them.
  function moveTo(place, focus = true) {
    thumbnails().forEach((thumbnail, k) => (thumbnail.tabIndex = k === place ? 0 : -1));
    if (focus) thumbnails()[place]?.focus();
  }

  list.addEventListener("keydown", (event) => {
    const all = thumbnails();
    const place = all.indexOf(document.activeElement);
    if (place < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const across = all.filter((other) => other.offsetTop === all[0].offsetTop).length;
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
    $(".summary").scrollIntoView({ block: "nearest" }); // on a phone it may be out of sight
  });

  button("first").onclick = () => turnTo(0);
  button("previous").onclick = () => turnTo(state.page - 1);
  button("next").onclick = () => turnTo(state.page + 1);
  button("last").onclick = () => turnTo(pages() - 1);
  pageField.onchange = () => turnTo((Math.round(pageField.valueAsNumber) || 1) - 1);

  // --- the chosen image

  function rows(table, cells) {
    const made = cells.map(([name, value, share]) => {
      const row = element("tr");
      row.append(element("th", name, { scope: "row" }), element("td", value));
      if (share !== undefined) row.lastChild.style.setProperty("--share", share);
      return row;
    });
    table.tBodies[0].replaceChildren(...made);
  }

  function choose(i) {
    state.chosen = i;
    const own = data.classes[data.label[i]];
    const chose = hsf && `${data.selected[i]} of ${data.shown[i]} ${data.people} chose ${own}: HSF ${short(hsf[i])}.`;
    paint($(".picture"), i, BIG);
    $(".picture").setAttribute("aria-label", `Test image ${data.id[i]}, of class ${own}`);
    $(".summary").textContent = `${data.id[i]}, of class ${own}. ${says(i)}. ${chose ?? ""}`;
    rows($("table.scores"), scores.map((s) => [s.label, short(s.values[i])]));
    if (data.answers) {
      rows($("table.answers"), data.answers[i].map(([k, n]) => [data.classes[k], String(n), n / data.shown[i]]));
    }
    mark();
    draw();
  }

  // The image that is so many steps further in the order; the list follows.
  function step(by) {
    const next = state.order[state.order.indexOf(state.chosen) + by];
    if (next !== undefined) reveal(next);
  }

  function reveal(i) {
    choose(i);
    const place = state.order.indexOf(i);
    turnTo(Math.floor(place / PER_PAGE));
    moveTo(place % PER_PAGE, false);
  }

  button("before").onclick = () => step(-1);
  button("after").onclick = () => step(1);
  button("back").onclick = () => list.querySelector('[tabindex="0"]')?.focus();

  // --- the scatter of HSF against the score

  const scatter = { x: [], y: [], order: [] }; // where which images are drawn, in CSS pixels

  // Scores that span magnitudes are drawn on a logarithmic axis.
  function axis() {
    const defined = score().values.filter((v) => !Number.isNaN(v)).sort();
    const [low, high, middle] = [defined[0] ?? 0, defined.at(-1) ?? 1, defined[defined.length >> 1] ?? 0];
    const log = low > 0 && high / middle > 20;
    const [scale, back] = log ? [Math.log, Math.exp] : [(v) => v, (v) => v];
    const [from, length] = [scale(low), scale(high) - scale(low)];
    const place = (v) => (length > 0 ? (scale(v) - from) / length : 0.5);
    return { log, place, at: (t) => back(from + t * length) };
  }

  const square = (pen, x, y) => pen.rect(x - 1.5, y - 1.5, 3, 3);
  const stroke = (pen, x, y, d) => (pen.moveTo(x - 2.5, y - d), pen.lineTo(x + 2.5, y + d));
  const cross = (pen, x, y) => (stroke(pen, x, y, 2.5), stroke(pen, x, y, -2.5));

  function draw() {
    if (!hsf || !canvas.clientWidth) return;
    const [width, height, ratio] = [canvas.clientWidth, canvas.clientHeight, window.devicePixelRatio || 1];
    [canvas.width, canvas.height] = [width * ratio, height * ratio];
    const [pen, style] = [canvas.getContext("2d"), getComputedStyle(root)];
    const colour = (name) => style.getPropertyValue(`--${name}`);
    const { log, place, at } = axis();
    const [left, right, top, bottom] = [58, width - 10, 26, height - 38];
    pen.scale(ratio, ratio);
    pen.font = `12px ${style.fontFamily}`;
    pen.fillStyle = style.color;
    pen.strokeStyle = colour("rule");
    pen.strokeRect(left, top, right - left, bottom - top);
    for (const t of [0, 0.2, 0.4, 0.6, 0.8, 1]) {
      pen.textAlign = "center";
      pen.fillText(short(t), left + t * (right - left), bottom + 15);
      pen.textAlign = "right";
      pen.fillText(short(Number(at(t).toPrecision(3))), left - 5, bottom - t * (bottom - top) + 4);
    }
    pen.fillText("HSF", right, bottom + 32);
    pen.textAlign = "left";
    pen.fillText(score().label + (log ? " (logarithmic)" : ""), left, 14);
    const { values } = score();
    const shown = (scatter.order = state.order.filter((i) => !Number.isNaN(values[i])));
    scatter.x = shown.map((i) => left + hsf[i] * (right - left));
    scatter.y = shown.map((i) => bottom - place(values[i]) * (bottom - top));
    pen.globalAlpha = shown.length > 3000 ? 0.35 : 0.6;
    for (const correct of [1, 0]) { // right: squares; wrong: crosses, on top
      pen.beginPath();
      shown.forEach((i, k) => {
        if (data.correct[i] === correct) (correct ? square : cross)(pen, scatter.x[k], scatter.y[k]);
      });
      pen.fillStyle = pen.strokeStyle = colour(correct ? "right" : "wrong");
      if (correct) pen.fill();
      else pen.stroke();
    }
    pen.globalAlpha = 1;
    pen.beginPath();
    const k = shown.indexOf(state.chosen);
    const [x, y] = [scatter.x[k], scatter.y[k]];
    if (k >= 0) pen.arc(x, y, 8, 0, 7);
    pen.strokeStyle = style.color;
    pen.lineWidth = 2.5;
    pen.stroke();
    const [tip, px] = [$(".tip"), (value) => `${value}px`]; // the chosen image itself, beside its point
    tip.hidden = k < 0;
    if (k >= 0) paint(tip, state.chosen, SHOWN);
    [tip.style.left, tip.style.top] = [px(x + (x > width / 2 ? -12 - SHOWN : 12)), px(Math.max(0, y - SHOWN / 2))];
    canvas.setAttribute("aria-label", `Scatter of HSF against ${score().label}, ${count(shown.length)} images`);
  }

  canvas.addEventListener("click", (event) => {
    let [nearest, least] = [-1, REACH * REACH];
    scatter.order.forEach((i, k) => {
      const distance = (scatter.x[k] - event.offsetX) ** 2 + (scatter.y[k] - event.offsetY) ** 2;
      if (distance < least) [nearest, least] = [i, distance];
    });
    if (nearest < 0) return;
    reveal(nearest);
  });

  canvas.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
    else return;
    event.preventDefault();
  });

  // --- start

  scores.forEach((s, k) => field.score.append(element("option", s.label, { value: k })));
  const shown = new Set(data.label); // a network may know more classes than there are images of
  data.classes.forEach((name, k) => shown.has(k) && field.label.append(element("option", name, { value: k })));
  if (!hsf) root.querySelectorAll(".people").forEach((part) => part.remove());
  else if (!data.answers) $("table.answers").remove();
  form.addEventListener("input", select);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(select)); // after the fields are back at their first values
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  if (hsf) new ResizeObserver(draw).observe(canvas);
  form.hidden = $(".panes").hidden = false;
  select();
  if (state.order.length) choose(state.order[0]);
})();
