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

  // The rows that came stay; taking the element away closes its connection.
  function stopStream() {
    const stream = document.getElementById("stream");
    if (!stream) return;
    htmx.swap(stream, "", { swapStyle: "delete" });
    document.getElementById("progress").append(" Stopped.");
    streamEnded();
  }

  function streamEnded() {
    const button = document.getElementById("stop");
    if (button) button.disabled = true;
  }

  function showFields() {
    const from = document.getElementById("from");
    if (!from) return;
    for (const label of document.querySelectorAll("[data-for]")) label.hidden = label.dataset.for !== from.value;
  }

  const MOST_ROWS = 2000;
  document.addEventListener("htmx:sseMessage", () => {
    const rows = document.getElementById("rows");
    if (rows && rows.closest("[data-again]")) {
      for (const row of rows.querySelectorAll("tr:not([data-has-button])")) {
        row.dataset.hasButton = "";
        const button = document.createElement("button");
        button.type = "button";
        button.className = "again";
        button.textContent = "Again";
        button.title = "Fill the form with this record, to send it again";
        row.lastElementChild.prepend(button);
      }
    }
    while (rows && rows.rows.length > MOST_ROWS) rows.lastElementChild.remove();
  });
  function fillForm(record) {
    const form = document.querySelector("#produce form");
    for (const name of ["key", "value"]) {
      const bytes = record[`${name}_base64`];
      form.elements[name].value = bytes ?? record[name] ?? "";
      form.elements[`${name}_as`].value = bytes === undefined ? "text" : "base64";
    }
    form.elements.tombstone.checked = record.value === null;
    form.elements.headers.value = record.headers
      .map((each) => each.value_base64 === undefined ? `${each.key}: ${each.value ?? ""}` : `${each.key}:: ${each.value_base64}`)
      .join("\n");
    document.getElementById("produce").open = true;
    form.elements.value.focus();
  }

  document.addEventListener("htmx:sseClose", streamEnded);
  document.addEventListener("DOMContentLoaded", showFields);
  document.addEventListener("change", showFields);

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
    if (target.id === "stop") stopStream();
    if (target.className === "again") fillForm(JSON.parse(target.closest("tr").dataset.record));
    if (target.dataset.copy) {
      navigator.clipboard.writeText(document.getElementById(target.dataset.copy).textContent).then(() => {
        target.textContent = "Copied";
      });
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
    if (event.key === "Escape") stopStream();
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
