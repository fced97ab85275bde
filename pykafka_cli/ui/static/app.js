// What the pages do beyond htmx: pause, keys, copy, and the choice of dark or light.
(function () {
  "use strict";
  const root = document.documentElement;
  try {
    const theme = localStorage.getItem("theme");
    if (theme) root.dataset.theme = theme;
  } catch { /* storage is off: follow the system */ }

  let paused = false;

  function setPaused(value) {
    const button = document.getElementById("pause");
    if (!button) return;
    paused = value;
    button.setAttribute("aria-pressed", String(paused));
  }

  document.addEventListener("click", (event) => {
    const target = event.target.closest("button");
    if (!target) return;
    if (target.id === "pause") setPaused(!paused);
    if (target.id === "theme") {
      const isDark = root.dataset.theme
        ? root.dataset.theme === "dark"
        : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = isDark ? "light" : "dark";
      try { localStorage.setItem("theme", root.dataset.theme); } catch { /* for this page only */ }
    }
    if (target.dataset.copy) {
      navigator.clipboard.writeText(document.getElementById(target.dataset.copy).textContent).then(() => {
        target.textContent = "Copied";
      });
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
    if (event.key === "p") setPaused(!paused);
    if (event.key === "/") {
      const field = document.querySelector("[data-filter]");
      if (field) { field.focus(); event.preventDefault(); }
    }
  });

  // What refreshes by itself waits while nobody sees it, while it is paused, and while it is being read or marked.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const element = event.detail.elt;
    if (element.id !== "live") return;
    const selection = getSelection();
    const isMarked = !selection.isCollapsed && element.contains(selection.anchorNode);
    if (paused || document.hidden || isMarked || element.contains(document.activeElement)) event.preventDefault();
  });
})();
