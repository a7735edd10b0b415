// What is drawn while somebody edits: the handles of the selected area, and the area that is being drawn.

const ROOMY = 44; // pixels of the page: shorter sides have handles at their corners only, and a little outside

/** The selected area once more on top, to be taken hold of, and its handles. */
function drawGrips(layer, area, scale) {
  layer.replaceChildren();
  if (!area) return;
  const points = area.points.map((p) => [p[0] * scale, p[1] * scale]), box = boxOf(points);
  svg("path", { class: "gz-grip", d: path(points, true) }, layer);
  if (area.shape !== "rectangle") {
    points.forEach((p, corner) => grip(layer, p[0], p[1], String(corner), "move"));
    return;
  }
  const [wide, high] = [box.right - box.left, box.bottom - box.top];
  const out = Math.min(wide, high) < ROOMY ? 6 : 0;
  for (const [name, [left, top, right, bottom]] of Object.entries(HANDLES)) {
    const middle = name.length === 1;
    if (middle && (left || right ? high : wide) < ROOMY) continue;
    const x = left ? box.left - out : right ? box.right + out : (box.left + box.right) / 2;
    const y = top ? box.top - out : bottom ? box.bottom + out : (box.top + box.bottom) / 2;
    grip(layer, x, y, name, `${name}-resize`);
  }
}

function grip(layer, x, y, name, cursor) {
  const near = window.matchMedia("(pointer: coarse)").matches ? 16 : 9;
  const handle = svg("circle", { cx: x, cy: y, r: near, class: "gz-handle", "data-handle": name }, layer);
  handle.style.cursor = cursor;
  svg("rect", { x: x - 4.5, y: y - 4.5, width: 9, height: 9, rx: 2, class: "gz-knob" }, layer);
}

/** The rectangle or polygon that is being drawn. */
function drawDraft(layer, pointer, scale) {
  layer.replaceChildren();
  const scaled = (points) => points.map((p) => [p[0] * scale, p[1] * scale]);
  if (pointer.box) for (const line of outline(layer, "")) line.setAttribute("d", path(scaled(corners(pointer.box)), true));
  if (!pointer.polygon.length) return;
  const points = scaled(pointer.over ? [...pointer.polygon, pointer.over] : pointer.polygon);
  for (const line of outline(layer, "")) line.setAttribute("d", path(points, false));
  points.slice(0, pointer.polygon.length).forEach((p, number) => {
    svg("circle", { cx: p[0], cy: p[1], r: number ? 3.5 : 7, class: "gz-first" }, layer);
  });
}
