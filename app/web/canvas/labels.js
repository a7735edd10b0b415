// Where labels stand: beside what they name, where they cover the least of the picture's content and of each other.

const HIGH = 18; // pixels of the page: of a label
const GAP = 3; // between a label and what it names
const LEADER = 14; // from so many pixels on, a line leads from a label to its place
const GRAIN = 160; // cells across, in which it is told how much there is to see

/** How much there is to see in each part of a picture: edges, and what people look at; a sum over boxes in no time. */
class Content {
  constructor(picture, map, ratio) {
    this.wide = GRAIN;
    this.high = Math.max(1, Math.round(GRAIN / ratio));
    const light = this.levels(picture), heat = map ? this.levels(map) : null;
    this.sums = new Float32Array((this.wide + 1) * (this.high + 1));
    for (let y = 0; y < this.high; y++)
      for (let x = 0, row = 0; x < this.wide; x++) {
        const here = y * this.wide + x, right = x + 1 < this.wide ? here + 1 : here, below = y + 1 < this.high ? here + this.wide : here;
        const edge = Math.abs(light[right] - light[here]) + Math.abs(light[below] - light[here]);
        row += Math.min(1, edge / 60) + (heat ? Math.sqrt(heat[here] / 255) : 0);
        this.sums[(y + 1) * (this.wide + 1) + x + 1] = row + this.sums[y * (this.wide + 1) + x + 1];
      }
  }

  /** The light of an image in each cell, from 0 to 255. */
  levels(image) {
    const small = surface(this.wide, this.high), pen = small.getContext("2d", { willReadFrequently: true });
    pen.drawImage(image, 0, 0, small.width, small.height);
    const values = pen.getImageData(0, 0, small.width, small.height).data, light = new Float32Array(this.wide * this.high);
    for (let i = 0; i < light.length; i++) light[i] = 0.3 * values[4 * i] + 0.59 * values[4 * i + 1] + 0.11 * values[4 * i + 2];
    return light;
  }

  /** The mean over a box whose sides are parts of the picture from 0 to 1: 0 where there is nothing, up to 2. */
  within(left, top, right, bottom) {
    const cell = (value, most) => clamp(Math.round(value * most), 0, most);
    const x0 = Math.min(cell(left, this.wide), this.wide - 1), x1 = Math.max(cell(right, this.wide), x0 + 1);
    const y0 = Math.min(cell(top, this.high), this.high - 1), y1 = Math.max(cell(bottom, this.high), y0 + 1);
    const sum = (x, y) => this.sums[y * (this.wide + 1) + x];
    return (sum(x1, y1) - sum(x0, y1) - sum(x1, y0) + sum(x0, y0)) / ((x1 - x0) * (y1 - y0));
  }
}

/** Places labels one after the other; a place is [left, top, cost, point it belongs to] for a label of some width. */
class Labels {
  constructor(layer, width, height, font, content) {
    Object.assign(this, { layer, width, height, content, taken: [] });
    this.pen = document.createElement("canvas").getContext("2d");
    this.pen.font = font;
    layer.replaceChildren();
  }

  /** What labels had better not cover, in pixels of the page; `weight` says how much better. */
  avoid(box, weight = 1) {
    this.taken.push({ ...box, weight });
  }

  /** Places beside a box: above, below, at its sides, else inside. */
  beside(box) {
    return (wide) => {
      const above = box.top - HIGH - GAP, below = box.bottom + GAP, level = (box.top + box.bottom - HIGH) / 2;
      const places = [
        [box.left, above], [box.left, below], [box.right - wide, above], [box.right + GAP, box.top], [box.left - wide - GAP, box.top],
        [(box.left + box.right - wide) / 2, above], [box.right + GAP, level], [box.left - wide - GAP, level],
        [box.left + GAP, box.top + GAP], [box.left + GAP, box.bottom - HIGH - GAP],
      ];
      return places.map(([left, top], order) => [left, top, 4 * order]);
    };
  }

  /** Places around a point, near and farther away. */
  around([x, y], radius) {
    return (wide) => {
      const places = [];
      for (const [far, cost] of [[GAP, 0], [26, 150], [50, 260], [80, 400]])
        for (let turn = 0; turn < 8; turn++) {
          const across = Math.cos((turn * Math.PI) / 4), down = Math.sin((turn * Math.PI) / 4), away = radius + far;
          places.push([x + across * (away + wide / 2) - wide / 2, y + down * (away + HIGH / 2) - HIGH / 2, cost + turn, [x, y, radius]]);
        }
      return places;
    };
  }

  /** Places on a line, as of a map. */
  along(line) {
    const step = Math.max(1, Math.floor(line.length / 40));
    return (wide) => line.filter((_, i) => i % step === 0).map(([x, y]) => [x - wide / 2, y - HIGH / 2, 0]);
  }

  /** Write a label at the best of its places. */
  put(text, places, kind = "") {
    const shown = this.cut(text, Math.max(48, this.width * 0.6)), wide = Math.ceil(this.pen.measureText(shown).width) + 10;
    let best = null, least = Infinity;
    for (const [left, top, extra, point] of places(wide)) {
      const x = clamp(left, 1, Math.max(1, this.width - wide - 1)), y = clamp(top, 1, Math.max(1, this.height - HIGH - 1));
      const at = { left: x, top: y, right: x + wide, bottom: y + HIGH, point };
      const cost = this.cost(at) + extra + (Math.abs(x - left) + Math.abs(y - top)) * 6;
      if (cost < least) [best, least] = [at, cost];
    }
    this.avoid(best, 4);
    const group = svg("g", { class: `gz-label ${kind}` }, this.layer);
    if (best.point) this.lead(group, best);
    svg("rect", { x: best.left, y: best.top, width: wide, height: HIGH, rx: 4 }, group);
    svg("text", { x: best.left + 5, y: best.top + 13 }, group).textContent = shown;
    if (shown !== text) svg("title", {}, group).textContent = text;
  }

  /** A line from a label to the point that it belongs to, where it is not beside it. */
  lead(group, at) {
    const [x, y, radius] = at.point, from = [clamp(x, at.left, at.right), clamp(y, at.top, at.bottom)];
    const far = Math.hypot(from[0] - x, from[1] - y), end = [x + ((from[0] - x) * radius) / far, y + ((from[1] - y) * radius) / far];
    if (far - radius < LEADER) return;
    for (const line of outline(group, "gz-leader")) line.setAttribute("d", path([from, end], false));
  }

  cost(at) {
    const area = (at.right - at.left) * (at.bottom - at.top), { width, height, content } = this;
    let sum = content ? 1.5 * area * content.within(at.left / width, at.top / height, at.right / width, at.bottom / height) : 0;
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
