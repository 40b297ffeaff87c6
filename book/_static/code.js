// One button shows the code of all cells, on the following pages too. Without this script each cell has its own toggle.
(() => {
  const KEY = "avh-code";
  const remembered = () => { try { return localStorage.getItem(KEY) === "shown"; } catch { return false; } };
  const remember = (shown) => { try { localStorage.setItem(KEY, shown ? "shown" : "hidden"); } catch { /* not kept */ } };

  document.addEventListener("DOMContentLoaded", () => {
    const cells = document.querySelectorAll(".cell details.hide");
    const heading = document.querySelector("article h1");
    if (!cells.length || !heading) return;
    const button = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-sm code-switch" });
    const show = (shown) => {
      for (const cell of cells) cell.open = shown;
      button.textContent = shown ? "Hide the code" : "Show the code";
    };
    button.addEventListener("click", () => { remember(!remembered()); show(remembered()); });
    document.documentElement.classList.add("has-code-switch");
    (document.querySelector(".article-header-buttons") ?? heading).prepend(button);
    show(remembered());
  });
})();
