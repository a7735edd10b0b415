// What is drawn over the picture as lines and words: areas, contours, peaks, and their labels where there is room.
// Everything here is in pixels of the page; words come in as text and never as markup.

const NAMESPACE = "http://www.w3.org/2000/svg";
const LABELS = 60; // with more areas than this, only the selected one is named

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

/** Contours and peaks of a stop. */
function drawMarks(layer, stop, scale, labels) {
  layer.replaceChildren();
  for (const contour of stop.contours) {
    const closed = contour.style !== "path", kind = closed ? "gz-contour" : "gz-path";
    const lines = contour.lines.filter((line) => line.length > 1).map((line) => line.map((p) => [p[0] * scale, p[1] * scale]));
    if (!lines.length) continue;
    for (const drawn of outline(layer, kind)) drawn.setAttribute("d", lines.map((line) => path(line, closed)).join(""));
    const longest = lines.reduce((a, b) => (a.length >= b.length ? a : b));
    if (contour.label) labels.put(contour.label, closed ? labels.along(longest) : labels.beside(boxOf(longest)), "gz-of-contour");
  }
  for (const peak of stop.peaks) {
    const [x, y] = [peak.at[0] * scale, peak.at[1] * scale], radius = Math.max(4, peak.radius * scale);
    svg("circle", { cx: x, cy: y, r: radius, class: "gz-halo gz-peak" }, layer);
    svg("circle", { cx: x, cy: y, r: radius, class: "gz-line gz-peak" }, layer);
    const box = { left: x - radius, top: y - radius, right: x + radius, bottom: y + radius };
    labels.avoid(box, 3);
    if (peak.label) labels.put(peak.label, labels.around([x, y], radius), "gz-of-peak");
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
    labels.put(short ? `${area.name}  ${short}` : area.name, labels.beside(boxes[number]), special.has(area.id) ? "gz-strong" : "");
  });
}
