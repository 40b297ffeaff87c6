// An interactive definition of AVH: the vector x of an image, to be rotated and scaled among the weights w of three
// classes. The weights are in definition.html, as is the initial state, which print and no-script show.
"use strict";

(() => {
  const root = document.getElementById("definition");
  if (!root) return;

  const UNIT = 32; // length 1 in units of the drawing
  const $ = (selector) => root.querySelector(selector);
  const all = (selector) => [...root.querySelectorAll(selector)];
  const radians = (degrees) => (degrees * Math.PI) / 180;
  const at = (turn, length) => [length * Math.cos(radians(turn)), length * Math.sin(radians(turn))];
  const sum = (values) => values.reduce((total, value) => total + value, 0);

  const inputs = { turn: $("[name=turn]"), length: $("[name=length]") };
  const handle = $(".handle");
  const classes = all(".class").map((drawn) => {
    const [turn, length] = [Number(drawn.dataset.turn), Number(drawn.dataset.length)];
    return { name: drawn.dataset.name, turn, w: at(turn, length), arc: drawn.querySelector(".arc") };
  });

  // --- the definition; the first class is the true class

  function scores(turn, length) {
    const x = at(turn, length);
    const logits = classes.map(({ w }) => x[0] * w[0] + x[1] * w[1]);
    const angles = classes.map(({ w }, i) => Math.abs(Math.atan2(x[0] * w[1] - x[1] * w[0], logits[i])));
    const powers = logits.map((z) => Math.exp(z - Math.max(...logits)));
    const probabilities = powers.map((power) => power / sum(powers));
    return { angles, logits, probabilities, avh: angles[0] / sum(angles), confidence: probabilities[0], norm: length };
  }

  // --- display

  const three = (value) => value.toFixed(3).replace("-", "\u2212");
  const state = () => ({ turn: Number(inputs.turn.value), length: Number(inputs.length.value) });
  const address = () => `turn=${inputs.turn.value}&length=${inputs.length.value}`;

  function said({ angles, logits, norm }) {
    const apart = angles.map((a, i) => `${Math.round((a * 180) / Math.PI)}\u00b0 from ${classes[i].name}`);
    const named = classes[logits.indexOf(Math.max(...logits))].name;
    const [own, ...others] = apart;
    return `${own} (true class), ${others.join(" and ")}; length ${norm.toFixed(1)}. Prediction: ${named}.`;
  }

  // The shorter arc from the direction of a class to that of the image, at the radius of the class.
  function arc(from, to, radius) {
    const [a, b] = [from, to].map((turn) => at(turn, radius));
    const left = (to - from + 360) % 360 < 180;
    return `M${a[0]} ${-a[1]}A${radius} ${radius} 0 0 ${left ? 0 : 1} ${b[0]} ${-b[1]}`;
  }

  function show() {
    const { turn, length } = state();
    const now = scores(turn, length);
    const words = `${said(now)} AVH ${three(now.avh)}, confidence ${three(now.confidence)}.`;
    $(".image").style.setProperty("--turn", turn);
    $(".image").style.setProperty("--length", length);
    $(".image line").setAttribute("x2", UNIT);
    classes.forEach((one, i) => one.arc.setAttribute("d", arc(one.turn, turn, 70 - 20 * i)));
    $(".said").textContent = said(now);
    all("tbody tr").forEach((row, i) => {
      [now.angles, now.logits, now.probabilities].forEach((values, k) => (row.cells[k + 1].textContent = three(values[i])));
    });
    all(".bar.angles span").forEach((part, i) => (part.style.flexGrow = now.angles[i]));
    all(".bar.probabilities span").forEach((part, i) => (part.style.flexGrow = now.probabilities[i]));
    for (const name of ["avh", "confidence", "norm"]) $(`output[name=${name}]`).textContent = three(now[name]);
    for (const [name, value] of [["valuenow", turn], ["valuemin", 0], ["valuemax", 359], ["valuetext", words]]) {
      handle.setAttribute(`aria-${name}`, value);
    }
    for (const input of Object.values(inputs)) input.setAttribute("aria-valuetext", words);
    all("[data-state]").forEach((preset) => preset.setAttribute("aria-pressed", preset.dataset.state === address()));
  }

  // --- controls

  // The inputs hold the state and keep it within bounds. A step is an entry in the history of the browser.
  function move({ turn, length }, step = false) {
    inputs.turn.value = ((Math.round(turn) % 360) + 360) % 360;
    inputs.length.value = length;
    if (location.hash !== `#${address()}`) history[step ? "pushState" : "replaceState"](null, "", `#${address()}`);
    show();
  }

  function restore() {
    const entries = new URLSearchParams(location.hash.slice(1));
    const [turn, length] = ["turn", "length"].map((name) => Number.parseFloat(entries.get(name)));
    if (!Number.isFinite(turn) || !Number.isFinite(length)) return false;
    inputs.turn.value = ((Math.round(turn) % 360) + 360) % 360;
    inputs.length.value = length;
    show();
    root.scrollIntoView({ block: "nearest" });
    return true;
  }

  function follow(event) {
    const box = $("svg").getBoundingClientRect();
    const scale = box.width / 360 * UNIT;
    const [x, y] = [event.clientX - box.left - box.width / 2, box.top + box.height / 2 - event.clientY];
    move({ turn: (Math.atan2(y, x) * 180) / Math.PI, length: Math.hypot(x, y) / scale });
  }

  $("svg").addEventListener("pointerdown", (event) => {
    $("svg").setPointerCapture(event.pointerId);
    root.classList.add("dragged");
    handle.focus({ preventScroll: true });
    follow(event);
    event.preventDefault();
  });
  $("svg").addEventListener("pointermove", (event) => root.classList.contains("dragged") && follow(event));
  for (const end of ["pointerup", "pointercancel"]) {
    $("svg").addEventListener(end, () => root.classList.remove("dragged"));
  }

  handle.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [5, 0], ArrowRight: [-5, 0], ArrowUp: [0, 0.2], ArrowDown: [0, -0.2] };
    const [turn, length] = steps[event.key] ?? [];
    if (turn === undefined) return;
    move({ turn: state().turn + turn, length: state().length + length });
    event.preventDefault();
  });

  for (const input of Object.values(inputs)) input.addEventListener("input", () => move(state()));
  for (const preset of all("[data-state]")) {
    preset.addEventListener("click", () => move(Object.fromEntries(new URLSearchParams(preset.dataset.state)), true));
  }
  addEventListener("popstate", restore);
  all(".controls").forEach((part) => (part.hidden = false));
  handle.tabIndex = 0;
  $("svg").setAttribute("role", "group");
  if (!restore()) show();
})();
