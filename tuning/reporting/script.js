"use strict";
// What the page does beyond being read: lights up a trial everywhere, lets axes be brushed, and sorts tables.
(() => {
  document.documentElement.classList.add("has-script");
  const readout = document.getElementById("readout");
  const marks = new Map(); // trial id -> its marks in all pictures and tables
  for (const mark of document.querySelectorAll("[data-trial]")) {
    const id = mark.dataset.trial;
    marks.set(id, [...(marks.get(id) ?? []), mark]);
  }
  const lines = [...document.querySelectorAll(".parallel path[data-heights]")];

  const tips = new Map(); // the readout says it better than the browser's own tip, which comes late
  for (const [id, ofTrial] of marks) {
    for (const mark of ofTrial) {
      const title = mark.querySelector(":scope > title");
      if (title) {
        tips.set(id, title.textContent);
        title.remove();
      }
    }
  }

  const brushes = new Map(); // axis -> [top, bottom] in pixels of the picture

  function say(text) {
    readout.textContent = text;
    readout.hidden = text === "";
  }

  function tellBrushes() {
    const through = lines.filter((line) => !line.classList.contains("out"));
    say(brushes.size ? `${through.length} of ${lines.length} trials pass the brushes` : "");
  }

  let lit = null;
  function light(id) {
    if (id === lit) return;
    for (const mark of marks.get(lit) ?? []) mark.classList.remove("lit");
    for (const mark of marks.get(id) ?? []) mark.classList.add("lit");
    lit = id;
    if (id === null) tellBrushes();
    else say(tips.get(id) ?? `trial ${id}`);
  }
  document.addEventListener("pointerover", (event) => {
    const mark = event.target.closest?.("[data-trial]");
    light(mark ? mark.dataset.trial : null);
  });

  function filter() {
    for (const line of lines) {
      const heights = line.dataset.heights.split(" ").map(Number);
      const passes = [...brushes].every(([axis, [top, bottom]]) => heights[axis] >= top && heights[axis] <= bottom);
      for (const mark of marks.get(line.dataset.trial)) mark.classList.toggle("out", !passes);
    }
    tellBrushes();
  }

  for (const area of document.querySelectorAll(".brush-area")) {
    const axis = Number(area.dataset.axis);
    const height = (event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(area.getScreenCTM().inverse()).y;
    const shown = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    shown.setAttribute("class", "brush");
    shown.setAttribute("x", Number(area.getAttribute("x")) + 8);
    shown.setAttribute("width", 16);
    let start = null;
    area.addEventListener("pointerdown", (event) => {
      start = height(event);
      area.setPointerCapture(event.pointerId);
      shown.remove();
      brushes.delete(axis);
      filter();
    });
    area.addEventListener("pointermove", (event) => {
      if (start === null) return;
      const [top, bottom] = [start, height(event)].sort((one, other) => one - other);
      if (bottom - top < 3) return;
      shown.setAttribute("y", top);
      shown.setAttribute("height", bottom - top);
      area.before(shown);
      brushes.set(axis, [top, bottom]);
      filter();
    });
    for (const end of ["pointerup", "pointercancel"]) area.addEventListener(end, () => { start = null; });
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => head.addEventListener("click", () => {
      const turn = head.getAttribute("aria-sort") === "descending" ? "ascending" : "descending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", turn);
      const sign = turn === "ascending" ? 1 : -1;
      const body = table.tBodies[0];
      const compare = (one, other) => {
        const [a, b] = [one.cells[column], other.cells[column]];
        const [x, y] = [a.dataset.value, b.dataset.value].map((value) => (value === undefined ? NaN : Number(value)));
        if (!Number.isNaN(x) && !Number.isNaN(y)) return sign * (x - y);
        return sign * a.textContent.localeCompare(b.textContent, undefined, { numeric: true });
      };
      body.append(...[...body.rows].sort(compare));
    }));
  }
})();
