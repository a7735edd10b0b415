// What is drawn while somebody edits: the handles of the selected area, and the area that is being drawn.

const ROOMY = 44; // pixels of the page: shorter sides have handles at their corners only, and a little outside
const FINGER = 22; // radius of what a finger hits
const FREE = 12; // of what stays free in the middle of an area, for a finger to take hold of it

/** The selected area once more on top, to be taken hold of, and its handles; for a finger, they are larger. */
function drawGrips(layer, area, scale, drawing) {
  layer.replaceChildren();
  if (!area) return;
  const coarse = window.matchMedia("(pointer: coarse)").matches, finger = coarse && !drawing;
  const near = finger ? FINGER : coarse ? 16 : 9, roomy = finger ? 6 * FINGER : ROOMY;
  const points = area.points.map((p) => [p[0] * scale, p[1] * scale]), box = boxOf(points);
  svg("path", { class: "gz-grip", d: path(points, true) }, layer);
  if (area.shape !== "rectangle") {
    points.forEach((p, corner) => grip(layer, p[0], p[1], String(corner), "move", Math.min(near, apart(points, corner) / 2)));
    return;
  }
  const [wide, high] = [box.right - box.left, box.bottom - box.top];
  const small = Math.min(wide, high) < ROOMY ? 6 : 0;
  const [across, down] = [wide, high].map((side) => (finger ? Math.max(0, FINGER + FREE - side / 2) : small));
  for (const [name, [left, top, right, bottom]] of Object.entries(HANDLES)) {
    const middle = name.length === 1;
    if (middle && (left || right ? high : wide) < roomy) continue;
    const x = left ? box.left - across : right ? box.right + across : (box.left + box.right) / 2;
    const y = top ? box.top - down : bottom ? box.bottom + down : (box.top + box.bottom) / 2;
    grip(layer, x, y, name, `${name}-resize`, near);
  }
}

/** How far a corner is from the nearest other one, at least so far that it can be hit. */
function apart(points, corner) {
  const [x, y] = points[corner];
  return Math.max(18, Math.min(...points.filter((_, other) => other !== corner).map((p) => Math.hypot(p[0] - x, p[1] - y))));
}

function grip(layer, x, y, name, cursor, near) {
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
