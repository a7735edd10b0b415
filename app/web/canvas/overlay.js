// What is drawn over the picture as lines and words: areas, contours, peaks, and their labels where there is room.
// Everything here is in pixels of the page; words come in as text and never as markup.

const NAMESPACE = "http://www.w3.org/2000/svg";
const LABELS = 60; // with more areas than this, only the selected one and the one under the pointer are named

function svg(name, attributes = {}, parent = null) {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (parent) parent.append(made);
  return made;
}

const path = (points, closed) => points.map((p, i) => `${i ? "L" : "M"}${p[0].toFixed(1)} ${p[1].toFixed(1)}`).join("") + (closed ? "Z" : "");

/** Two lines over each other, dark under light, so that one of them is seen on every picture. */
function outline(parent, kind) {
  return [svg("path", { class: `gz-halo ${kind}` }, parent), svg("path", { class: `gz-line ${kind}` }, parent)];
}

/** Places labels one after the other, where they cover the least of what is already there. */
class Labels {
  constructor(layer, width, height, font) {
    this.layer = layer;
    this.width = width;
    this.height = height;
    this.taken = [];
    this.pen = document.createElement("canvas").getContext("2d");
    this.pen.font = font;
    layer.replaceChildren();
  }

  /** What labels had better not cover, in pixels of the page; `weight` says how much better. */
  avoid(box, weight = 1) {
    this.taken.push({ ...box, weight });
  }

  /** A label beside a box (a point is a box without extent): above, below, at its sides, else inside. */
  put(text, box, kind = "") {
    const shown = this.cut(text, Math.max(48, this.width * 0.6));
    const wide = Math.ceil(this.pen.measureText(shown).width) + 10, high = 18, gap = 3;
    const middle = (box.left + box.right - wide) / 2, level = (box.top + box.bottom - high) / 2;
    const places = [
      [box.left, box.top - high - gap], [box.left, box.bottom + gap], [box.right - wide, box.top - high - gap],
      [box.right + gap, box.top], [box.left - wide - gap, box.top], [middle, box.top - high - gap],
      [box.right + gap, level], [box.left - wide - gap, level], [box.left + gap, box.top + gap], [box.left + gap, box.bottom - high - gap],
    ];
    let best = null, least = Infinity;
    for (const [order, [left, top]] of places.entries()) {
      const x = clamp(left, 1, Math.max(1, this.width - wide - 1)), y = clamp(top, 1, Math.max(1, this.height - high - 1));
      const at = { left: x, top: y, right: x + wide, bottom: y + high };
      const cost = this.cost(at) + order * 4 + (Math.abs(x - left) + Math.abs(y - top)) * 6;
      if (cost < least) [best, least] = [at, cost];
    }
    this.avoid(best, 4);
    const group = svg("g", { class: `gz-label ${kind}` }, this.layer);
    svg("rect", { x: best.left, y: best.top, width: wide, height: high, rx: 4 }, group);
    svg("text", { x: best.left + 5, y: best.top + 13 }, group).textContent = shown;
    if (shown !== text) svg("title", {}, group).textContent = text;
  }

  cost(at) {
    let sum = 0;
    for (const other of this.taken) {
      const wide = Math.min(at.right, other.right) - Math.max(at.left, other.left);
      const high = Math.min(at.bottom, other.bottom) - Math.max(at.top, other.top);
      if (wide > 0 && high > 0) sum += wide * high * other.weight;
    }
    return sum;
  }

  /** The text, with an ellipsis where it is wider than so many pixels. */
  cut(text, most) {
    if (this.pen.measureText(text).width <= most) return text;
    const letters = Array.from(text);
    let low = 1, high = letters.length;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.pen.measureText(letters.slice(0, middle).join("") + "…").width <= most) low = middle;
      else high = middle - 1;
    }
    return letters.slice(0, low).join("").trimEnd() + "…";
  }
}

/** Contours and peaks of a stop. */
function drawMarks(layer, stop, scale, labels) {
  layer.replaceChildren();
  for (const contour of stop.contours) {
    const closed = contour.style !== "path", kind = closed ? "gz-contour" : "gz-path";
    const lines = contour.lines.filter((line) => line.length > 1).map((line) => line.map((p) => [p[0] * scale, p[1] * scale]));
    if (!lines.length) continue;
    for (const drawn of outline(layer, kind)) drawn.setAttribute("d", lines.map((line) => path(line, closed)).join(""));
    const longest = lines.reduce((a, b) => (a.length >= b.length ? a : b));
    if (contour.label) labels.put(contour.label, boxOf(longest), "gz-of-contour");
  }
  for (const peak of stop.peaks) {
    const [x, y] = [peak.at[0] * scale, peak.at[1] * scale], radius = Math.max(4, peak.radius * scale);
    svg("circle", { cx: x, cy: y, r: radius, class: "gz-halo gz-peak" }, layer);
    svg("circle", { cx: x, cy: y, r: radius, class: "gz-line gz-peak" }, layer);
    const box = { left: x - radius, top: y - radius, right: x + radius, bottom: y + radius };
    labels.avoid(box, 3);
    if (peak.label) labels.put(peak.label, box, "gz-of-peak");
  }
}

/** The outlines of areas; an area keeps its element, so that the focus stays where it is. */
class Shapes {
  constructor(layer) {
    this.layer = layer;
    this.known = new Map();
  }

  draw(areas, scale, selected, options) {
    const wanted = new Set(areas.map((area) => area.id));
    for (const [id, group] of this.known) {
      if (wanted.has(id)) continue;
      group.remove();
      this.known.delete(id);
    }
    for (const area of areas) {
      const group = this.known.get(area.id) || this.make(area.id);
      const line = path(area.points.map((p) => [p[0] * scale, p[1] * scale]), true);
      for (const drawn of group.querySelectorAll("path")) drawn.setAttribute("d", line);
      group.classList.toggle("gz-selected", area.id === selected);
      if (options.pickable) {
        group.setAttribute("tabindex", "0");
        group.setAttribute("role", "button");
        group.setAttribute("aria-pressed", String(area.id === selected));
        group.setAttribute("aria-label", spoken(area, options.label(area)));
      } else for (const name of ["tabindex", "role", "aria-pressed", "aria-label"]) group.removeAttribute(name);
    }
  }

  make(id) {
    const group = svg("g", { class: "gz-area", "data-id": id }, this.layer);
    svg("path", { class: "gz-fill" }, group);
    outline(group, "");
    this.known.set(id, group);
    return group;
  }

  focus(id) {
    const group = this.known.get(id);
    if (group) group.focus({ preventScroll: true });
  }
}

/** What a screen reader says of an area. */
function spoken(area, label) {
  const box = boxOf(area.points), whole = (value) => Math.round(value);
  const size = `${whole(box.right - box.left)} by ${whole(box.bottom - box.top)} pixels at ${whole(box.left)}, ${whole(box.top)}`;
  return [area.name, label, area.shape, size].filter(Boolean).join(", ");
}

/** Names and short texts of the areas beside them. */
function drawAreaLabels(labels, areas, scale, label, special) {
  const boxes = areas.map((area) => {
    const box = boxOf(area.points);
    return { left: box.left * scale, top: box.top * scale, right: box.right * scale, bottom: box.bottom * scale };
  });
  for (const box of boxes) labels.avoid(box, 0.5);
  areas.forEach((area, number) => {
    if (areas.length > LABELS && !special.has(area.id)) return;
    const short = label(area);
    labels.put(short ? `${area.name}  ${short}` : area.name, boxes[number], special.has(area.id) ? "gz-strong" : "");
  });
}
