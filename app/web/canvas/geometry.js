// Geometry of areas: plain functions over points [x, y] in pixels of the full picture. An area is
// { id, name, shape: "rectangle" | "polygon", kind, points }, and is never changed in place.

const MOST_AREAS = 200; // as data.areas.MOST
const MOST_CORNERS = 200; // as data.areas.CORNERS
const LONGEST_NAME = 60; // as data.areas.LONGEST
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u061c\u2028-\u202e\u2066-\u2069\ufeff]/g;
// of the 8 handles: which of left, top, right, bottom it moves
const HANDLES = {
  nw: [1, 1, 0, 0], n: [0, 1, 0, 0], ne: [0, 1, 1, 0], e: [0, 0, 1, 0],
  se: [0, 0, 1, 1], s: [0, 0, 0, 1], sw: [1, 0, 0, 1], w: [1, 0, 0, 0],
};

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const tidy = (value) => Math.round(value * 100) / 100;

function boxOf(points) {
  const xs = points.map((p) => p[0]), ys = points.map((p) => p[1]);
  return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
}

const corners = (box) => [
  [box.left, box.top], [box.right, box.top], [box.right, box.bottom], [box.left, box.bottom],
];

/** The box between two points, its edges on whole pixels of the picture, at least one pixel wide and high. */
function dragged(from, to, size) {
  const [left, right] = span(from[0], to[0], size.width), [top, bottom] = span(from[1], to[1], size.height);
  return { left, top, right, bottom };
}

function span(one, other, most) {
  let low = clamp(Math.round(Math.min(one, other)), 0, most), high = clamp(Math.round(Math.max(one, other)), 0, most);
  if (high - low < 1) [low, high] = high >= most ? [Math.max(0, most - 1), most] : [low, low + 1];
  return [low, high];
}

/** The area moved by (across, down) pixels, as far as the picture goes. */
function moved(area, across, down, size) {
  const box = boxOf(area.points);
  const x = clamp(across, -box.left, size.width - box.right), y = clamp(down, -box.top, size.height - box.bottom);
  return { ...area, points: area.points.map((p) => [tidy(p[0] + x), tidy(p[1] + y)]) };
}

/** The area stretched so that it fills another box. */
function fitted(area, box) {
  if (area.shape === "rectangle") return { ...area, points: corners(box) };
  const old = boxOf(area.points);
  const along = (value, low, high, to, end) => tidy(to + ((value - low) / Math.max(high - low, 1e-9)) * (end - to));
  return {
    ...area,
    points: area.points.map((p) => [
      along(p[0], old.left, old.right, box.left, box.right), along(p[1], old.top, old.bottom, box.top, box.bottom),
    ]),
  };
}

/** The area with one of its edges or corners ("n", "se" ...) moved to a point; an edge may pass the one across. */
function resized(area, handle, to, size) {
  const [left, top, right, bottom] = HANDLES[handle], box = boxOf(area.points);
  const moving = [left ? to[0] : right ? to[0] : null, top ? to[1] : bottom ? to[1] : null];
  const [x0, x1] = moving[0] === null ? [box.left, box.right] : span(moving[0], left ? box.right : box.left, size.width);
  const [y0, y1] = moving[1] === null ? [box.top, box.bottom] : span(moving[1], top ? box.bottom : box.top, size.height);
  return fitted(area, { left: x0, top: y0, right: x1, bottom: y1 });
}

/** The area larger or smaller by so many pixels at the right and at the lower edge, at least one pixel. */
function grown(area, across, down, size) {
  const box = boxOf(area.points);
  return fitted(area, {
    ...box,
    right: clamp(box.right + across, Math.min(box.left + 1, size.width), size.width),
    bottom: clamp(box.bottom + down, Math.min(box.top + 1, size.height), size.height),
  });
}

/** The area larger (by > 0) or smaller by so many pixels at each side. */
function inflated(area, by, size) {
  const box = boxOf(area.points);
  if (by < 0 && (box.right - box.left <= -2 * by || box.bottom - box.top <= -2 * by)) return area;
  return fitted(area, {
    left: Math.max(0, box.left - by), top: Math.max(0, box.top - by),
    right: Math.min(size.width, box.right + by), bottom: Math.min(size.height, box.bottom + by),
  });
}

/** The polygon with one corner elsewhere, or the same where it would lose all extent. */
function bent(area, corner, to, size) {
  const at = [clamp(Math.round(to[0]), 0, size.width), clamp(Math.round(to[1]), 0, size.height)];
  const points = area.points.map((p, i) => (i === corner ? at : p));
  return hasExtent(points) ? { ...area, points } : area;
}

function hasExtent(points) {
  const box = boxOf(points);
  return points.length >= 3 && box.right - box.left > 0 && box.bottom - box.top > 0;
}

function contains(points, at) {
  let inside = false;
  for (let i = 0, j = points.length - 1; i < points.length; j = i++) {
    const [x, y] = points[i], [u, v] = points[j];
    if (y > at[1] !== v > at[1] && at[0] < ((u - x) * (at[1] - y)) / (v - y) + x) inside = !inside;
  }
  return inside;
}

/** The smallest area under a point; `near` widens each, in pixels of the picture. */
function areaAt(areas, at, near) {
  const around = (area) => {
    const box = boxOf(area.points);
    const close = at[0] >= box.left - near && at[0] <= box.right + near && at[1] >= box.top - near && at[1] <= box.bottom + near;
    return contains(area.points, at) || (close && area.shape === "rectangle");
  };
  const extent = (area) => {
    const box = boxOf(area.points);
    return (box.right - box.left) * (box.bottom - box.top);
  };
  return areas.filter(around).sort((a, b) => extent(a) - extent(b))[0] || null;
}

/** A name as it may stand: one line, no signs that nobody sees, at most so long; "" where nothing is left. */
function cleanName(text) {
  const seen = String(text).replace(/\s+/g, " ").replace(UNSEEN, "").trim();
  return Array.from(seen).slice(0, LONGEST_NAME).join("").trim();
}

/** The name, with a number behind it where another area has it. */
function freeName(name, others) {
  const taken = new Set(others.map((area) => area.name));
  let free = name;
  for (let number = 2; taken.has(free); number++) {
    const end = ` ${number}`;
    free = Array.from(name).slice(0, LONGEST_NAME - end.length).join("").trim() + end;
  }
  return free;
}

/** "Area 1", or the first number that is free. */
function nextName(others) {
  const taken = new Set(others.map((area) => area.name));
  let number = 1;
  while (taken.has(`Area ${number}`)) number++;
  return `Area ${number}`;
}
