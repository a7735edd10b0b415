// A path over a picture that is drawn as time goes by. All that is shown comes through `data`; names are set as text.

const SVG = "http://www.w3.org/2000/svg";
const PLAY = "M8 5v14l11-7z";
const PAUSE = "M6 5h4v14H6zM14 5h4v14h-4z";
const TYPICAL = 250; // ms: a look that lasts so long has a halo twice as wide as its badge
const DIM = "rgba(12,14,20,0.28)";
const kept = new WeakMap(); // what a player remembers while its data changes: the time, and what must be undone

export default function (component) {
  const { data, parentElement } = component;
  const player = kept.get(parentElement) ?? begin(parentElement);
  kept.set(parentElement, player);
  player.show(data);
  return () => player.end();
}

function begin(root) {
  const find = (name) => root.querySelector(name);
  const stage = find(".stage"), picture = find(".picture"), overlay = find(".overlay"), play = find(".play");
  const range = find(".time"), ticks = find(".ticks"), clock = find(".clock"), told = find(".told");
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  let data = null, time = 0, frame = 0, before = 0, drawn = [], width = 0;
  const resized = new ResizeObserver(() => layout());

  function show(next) {
    const other = !data || next.id !== data.id;
    data = next;
    if (picture.src !== data.picture) picture.src = data.picture;
    picture.alt = data.alt;
    stage.setAttribute("aria-label", data.words.stage);
    const moves = data.mode !== "first";
    find(".controls").hidden = !moves;
    range.max = String(data.end);
    range.setAttribute("aria-label", data.words.time);
    if (other) { pause(); time = data.end; told.textContent = ""; }
    time = Math.min(time, data.end);
    legend();
    marks();
    width = 0;
    resized.observe(root.host ?? stage.parentElement);
    layout();
  }

  function layout() {
    const room = stage.parentElement.clientWidth;
    if (!room || !data) return;
    const [w, h] = data.size;
    const wide = Math.round(Math.min(room, (data.height * w) / h));
    if (wide === width) return;
    width = wide;
    stage.style.width = `${wide}px`;
    find(".controls").style.maxWidth = `${Math.max(wide, Math.min(room, 320))}px`;
    picture.style.aspectRatio = `${w} / ${h}`;
    overlay.setAttribute("viewBox", `0 0 ${wide} ${(wide * h) / w}`);
    build();
    move(time);
  }

  function build() {
    overlay.replaceChildren();
    const scale = width / data.size[0], height = data.size[1] * scale;
    const unit = Math.max(0.8, Math.min(1.15, width / 700));
    const space = { width, height, scale, unit, data };
    add(overlay, "rect", { width, height, fill: DIM });
    if (data.outlines) outlines(overlay, space);
    drawn = data.mode === "first" ? firsts(overlay, space) : data.mode === "all" ? dots(overlay, space) : path(overlay, space);
    if (data.outlines) names(overlay, space, drawn);
  }

  function move(to) {
    time = Math.max(0, Math.min(data.end, to));
    range.value = String(time);
    clock.textContent = said(time, data);
    range.setAttribute("aria-valuetext", spoken(time, data));
    for (const each of drawn) each.at?.(time, calm.matches);
  }

  function step(now) {
    if (!before) before = now;
    const passed = time + (now - before);
    before = now;
    if (calm.matches) { // one look after another, without anything that moves
      const next = starts(data).find((start) => start > time + 1 && start <= passed + 1000);
      frame = window.setTimeout(() => { before = performance.now(); next === undefined ? (move(data.end), pause()) : (move(next), step(performance.now())); }, 1000);
      return;
    }
    move(passed);
    if (time >= data.end) { pause(); return; }
    frame = requestAnimationFrame(step);
  }

  function start() {
    if (time >= data.end) move(0);
    before = 0;
    face(true);
    frame = requestAnimationFrame(step);
  }

  function pause() {
    cancelAnimationFrame(frame);
    window.clearTimeout(frame);
    frame = 0;
    if (data) face(false);
    if (data && data.mode === "one") told.textContent = spoken(time, data);
  }

  function face(playing) {
    play.querySelector("path").setAttribute("d", playing ? PAUSE : PLAY);
    play.setAttribute("aria-label", playing ? data.words.pause : data.words.play);
    play.title = playing ? data.words.pause : data.words.play;
  }

  function jump(direction) {
    pause();
    const all = starts(data), ahead = all.find((each) => each > time + 1), behind = all.filter((each) => each < time - 1);
    move(direction > 0 ? (ahead ?? data.end) : (behind.at(-1) ?? 0));
    told.textContent = spoken(time, data);
  }

  function legend() {
    const list = find(".legend");
    list.replaceChildren();
    list.hidden = !data.legend.length;
    for (const [colour, words] of data.legend) {
      const item = document.createElement("li"), patch = document.createElement("i");
      patch.style.background = colour;
      item.append(patch, words);
      list.append(item);
    }
  }

  function marks() {
    ticks.replaceChildren();
    for (const [at, words] of data.ticks) {
      const mark = document.createElement("span");
      mark.style.left = `${(100 * at) / data.end}%`;
      mark.textContent = words;
      ticks.append(mark);
    }
  }

  play.onclick = () => (frame ? pause() : start());
  range.oninput = () => { if (frame) pause(); move(Number(range.value)); };
  range.onchange = () => { told.textContent = spoken(time, data); };
  stage.onkeydown = (event) => {
    if (data.mode === "first" || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = { " ": () => (frame ? pause() : start()), ArrowRight: () => jump(1), ArrowLeft: () => jump(-1),
      Home: () => { pause(); move(0); }, End: () => { pause(); move(data.end); } }[event.key];
    if (act) { event.preventDefault(); act(); }
  };
  return { show, end: () => { pause(); resized.disconnect(); } };
}

const starts = (data) => [...new Set(data.looks.map((look) => look[4]))].sort((a, b) => a - b);
const seconds = (time) => `${(time / 1000).toFixed(1)} s`;
const said = (time, data) => (data.timed ? seconds(time) : `${current(time, data)}`);
const current = (time, data) => data.looks.filter((look) => look[4] <= time && (data.mode === "one" || look[0] === data.looks[0][0])).length;

function spoken(time, data) {
  const when = data.timed ? seconds(time) : "";
  if (data.mode !== "one") return when;
  const count = current(time, data), look = data.looks[count - 1];
  const where = look ? data.objects[look[6]]?.name ?? "" : "";
  return [when, look ? `${data.words.look} ${count}` : "", where].filter(Boolean).join(", ");
}

function add(parent, kind, attributes, text) {
  const made = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

function outlines(parent, { scale, data }) {
  for (const each of data.objects.filter((one) => one.outlined)) {
    const points = each.points.map(([x, y]) => `${x * scale},${y * scale}`).join(" ");
    const strength = 0.45 + 0.55 * each.seen;
    add(parent, "polygon", { points, fill: "none", stroke: "#14161c", "stroke-width": 3.5, "stroke-opacity": 0.7 * strength, "stroke-linejoin": "round" });
    add(parent, "polygon", { points, fill: "none", stroke: "#fff", "stroke-width": 1.5, "stroke-opacity": strength, "stroke-linejoin": "round" });
  }
}

// A name stands beside its outline, where it covers least of the others; what would lie on a badge is left out.
function names(parent, space, marked) {
  const taken = marked.flatMap((each) => (each.box ? [each.box] : []));
  const boxes = space.data.objects.filter((one) => one.outlined).map((one) => one.box.map((value) => value * space.scale));
  const size = 12 * space.unit, high = size * 1.5;
  for (const each of space.data.objects.filter((one) => one.label)) {
    const group = add(parent, "g", {});
    const ground = add(group, "rect", { height: high, rx: 3, fill: "#14161c", "fill-opacity": 0.82 });
    const text = add(group, "text", { "font-size": size, fill: "#fff", class: "name" }, each.label);
    const wide = Math.min(space.width, text.getComputedTextLength() + 10);
    const [x, y, w, h] = each.box.map((value) => value * space.scale);
    const spots = [[x, y - high - 2], [x + w - wide, y - high - 2], [x, y + h + 2], [x + w - wide, y + h + 2], [x + w + 3, y], [x - wide - 3, y], [x, y], [x + w - wide, y + h - high]];
    let best = null, least = Infinity;
    spots.forEach(([left, top], number) => {
      const box = [left, top, left + wide, top + high];
      if (left < 0 || top < 0 || box[2] > space.width || box[3] > space.height || taken.some((other) => shared(box, other) > 0)) return;
      const covers = boxes.reduce((sum, [a, b, c, d]) => sum + shared(box, [a, b, a + c, b + d]), 0) / (wide * high);
      if (covers + 0.05 * number < least) { least = covers + 0.05 * number; best = box; }
    });
    if (!best) { group.remove(); continue; }
    taken.push(best);
    ground.setAttribute("x", best[0]); ground.setAttribute("y", best[1]); ground.setAttribute("width", wide);
    text.setAttribute("x", best[0] + 5); text.setAttribute("y", best[1] + high * 0.7);
  }
}

function path(parent, space) {
  const { scale, unit, data } = space, radius = 11.5 * unit;
  const at = data.looks.map((look) => [look[2] * scale, look[3] * scale]);
  const seat = seats(at, radius, space);
  const halos = add(parent, "g", {}), lines = add(parent, "g", {}), leaders = add(parent, "g", {}), badges = add(parent, "g", {});
  return data.looks.map((look, number) => {
    const [, index, , , start, lasts] = look, colour = data.colours[index] ?? "#888";
    const [x, y] = at[number], [sx, sy] = seat[number];
    const full = lasts > 0 ? 2 * radius * Math.sqrt(Math.min(lasts, 4000) / TYPICAL) : 0;
    const halo = add(halos, "circle", { cx: x, cy: y, r: full, fill: colour, "fill-opacity": 0.3, stroke: colour, "stroke-width": 1.5 });
    const next = at[number + 1], leave = start + Math.max(lasts, 0), arrive = data.looks[number + 1]?.[4];
    const casing = next && add(lines, "line", { x1: x, y1: y, stroke: "#fff", "stroke-width": 4.6 * unit, "stroke-linecap": "round", "stroke-opacity": 0.9 });
    const line = next && add(lines, "line", { x1: x, y1: y, stroke: colour, "stroke-width": 2.4 * unit, "stroke-linecap": "round" });
    const mark = add(leaders, "g", {});
    if (Math.hypot(sx - x, sy - y) > 1) {
      add(mark, "line", { x1: x, y1: y, x2: sx, y2: sy, stroke: "#fff", "stroke-width": 3, "stroke-opacity": 0.9 });
      add(mark, "line", { x1: x, y1: y, x2: sx, y2: sy, stroke: "#14161c", "stroke-width": 1.2 });
      add(mark, "circle", { cx: x, cy: y, r: 4.5 * unit, fill: colour, stroke: "#fff", "stroke-width": 1.5 });
    }
    const badge = add(badges, "g", { class: "badge" });
    add(badge, "circle", { cx: sx, cy: sy, r: radius, fill: colour, stroke: "#fff", "stroke-width": 2 });
    const text = String(index + 1);
    add(badge, "text", { x: sx, y: sy, "font-size": radius * (text.length > 1 ? 1.0 : 1.2), fill: ink(colour) }, text);
    const everything = [halo, casing, line, mark, badge].filter(Boolean);
    return {
      box: [sx - radius, sy - radius, sx + radius, sy + radius],
      at: (time, calm) => {
        const seen = time >= start;
        for (const one of everything) one.style.display = seen ? "" : "none";
        if (!seen) return;
        const grown = calm || lasts <= 0 ? 1 : Math.min(1, Math.max(0.15, (time - start) / lasts));
        halo.setAttribute("r", full * Math.sqrt(grown));
        if (!next) return;
        const gone = arrive > leave ? Math.min(1, Math.max(0, (time - leave) / (arrive - leave))) : Number(time >= arrive);
        const share = calm ? Number(time >= arrive) : gone;
        for (const one of [casing, line]) {
          one.style.display = share > 0 ? "" : "none";
          one.setAttribute("x2", x + share * (next[0] - x));
          one.setAttribute("y2", y + share * (next[1] - y));
        }
      },
    };
  });
}

function dots(parent, { scale, unit, data }) {
  const group = add(parent, "g", {});
  const latest = [...data.looks].sort((a, b) => b[1] - a[1]); // first looks lie on top
  return latest.map(([, index, x, y, start, lasts]) => {
    const fill = data.colours[Math.min(index, data.colours.length - 1)];
    const dot = add(group, "circle", { cx: x * scale, cy: y * scale, fill, stroke: "#fff" });
    return { at: (time) => { // what is looked at now is large, what was is small; in the end all are alike
      const state = time < start ? "hidden" : time >= data.end ? "all" : time <= start + Math.max(lasts, 250) ? "now" : "past";
      if (dot.state === state) return;
      dot.state = state;
      dot.style.display = state === "hidden" ? "none" : "";
      dot.setAttribute("r", unit * { all: 3.4, now: 6.5, past: 2.6, hidden: 0 }[state]);
      dot.setAttribute("fill-opacity", { all: 0.7, now: 1, past: 0.4, hidden: 0 }[state]);
      dot.setAttribute("stroke-width", state === "now" ? 1.5 : 0.5);
    } };
  });
}

function firsts(parent, space) {
  const { scale, unit, data } = space;
  for (const [, , x, y, , , object] of data.looks) {
    add(parent, "circle", { cx: x * scale, cy: y * scale, r: 3.5 * unit, fill: data.objects[object]?.colour ?? "#fff", stroke: "#fff", "stroke-width": 1 });
  }
  const some = data.objects.filter((each) => each.share);
  const middle = some.map(({ centre }) => [centre[0] * scale, centre[1] * scale]);
  const size = 13 * unit;
  const places = seats(middle, size * 1.5, space, 1);
  return some.map((each, number) => {
    const radius = (14 + 46 * Math.sqrt(each.first)) * unit, [x, y] = middle[number];
    add(parent, "circle", { cx: x, cy: y, r: radius, fill: "none", stroke: "#fff", "stroke-width": 5 * unit, "stroke-opacity": 0.85 });
    add(parent, "circle", { cx: x, cy: y, r: radius, fill: "none", stroke: each.colour, "stroke-width": 3 * unit });
    const [sx, sy] = places[number], wide = size * 3.2;
    if (Math.hypot(sx - x, sy - y) > radius) add(parent, "line", { x1: x, y1: y, x2: sx, y2: sy, stroke: "#14161c", "stroke-width": 1.2 });
    const group = add(parent, "g", { class: "badge" });
    add(group, "rect", { x: sx - wide / 2, y: sy - size * 0.75, width: wide, height: size * 1.5, rx: size * 0.75, fill: each.colour, stroke: "#fff", "stroke-width": 1.5 });
    add(group, "text", { x: sx, y: sy, "font-size": size * 0.95, fill: ink(each.colour) }, each.share);
    return { box: [sx - wide / 2, sy - size * 0.75, sx + wide / 2, sy + size * 0.75] };
  });
}

// Where badges sit: beside what is looked at, not on it. Of places around each look, the one that costs least: near, in
// the picture, off other badges, off the looks themselves, and off the boxes of objects. As in data/draw/scanpath.py.
function seats(at, radius, { width, height, scale, data }, least = 0) {
  const boxes = data.objects.map(({ box: [x, y, w, h] }) => [x * scale, y * scale, (x + w) * scale, (y + h) * scale])
    .filter(([a, b, c, d]) => (c - a) * (d - b) < 0.25 * width * height);
  const taken = [];
  for (const [x, y] of at) {
    let best = [x, y], cost = Infinity;
    for (let ring = least; ring < 18; ring++) {
      const far = ring ? (1.4 + 0.6 * (ring - 1)) * radius : 0, around = ring ? 24 : 1;
      for (let turn = 0; turn < around; turn++) {
        const angle = (2 * Math.PI * turn) / around - Math.PI / 2;
        const cx = x + far * Math.cos(angle), cy = y + far * Math.sin(angle);
        const box = [cx - radius, cy - radius, cx + radius, cy + radius];
        const outside = box[0] < 1 || box[1] < 1 || box[2] > width - 1 || box[3] > height - 1;
        let price = far / radius + (outside ? 60 : 0);
        for (const [tx, ty] of taken) price += Math.hypot(cx - tx, cy - ty) < 2.15 * radius ? 40 : 0;
        for (const [px, py] of at) price += (px !== x || py !== y) && Math.hypot(cx - px, cy - py) < 1.4 * radius ? 4 : 0;
        const covered = Math.max(0, ...boxes.map((other) => shared(box, other) / (4 * radius * radius)));
        price += 10 * covered;
        if (price < cost - 1e-9) { cost = price; best = [cx, cy]; }
      }
    }
    taken.push(best);
  }
  return taken;
}

function shared(one, other) {
  const wide = Math.min(one[2], other[2]) - Math.max(one[0], other[0]);
  const high = Math.min(one[3], other[3]) - Math.max(one[1], other[1]);
  return wide > 0 && high > 0 ? wide * high : 0;
}

function ink(colour) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return 0.299 * r + 0.587 * g + 0.114 * b < 150 ? "#fff" : "#14161c";
}
