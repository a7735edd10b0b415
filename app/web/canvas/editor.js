// The areas as they are edited: the list, which one is selected, and how to go back.

const STEPS = 100; // that can be undone
const ONE_ACTION = 900; // milliseconds: repeated keys and letters within are undone together
const HISTORIES = 100; // lists whose steps are kept while other pages or pictures are looked at

/** What can be undone of lists that are not shown now, by name; kept with the window, as the module may come again. */
function histories() {
  const name = Symbol.for("gaze.canvas.histories");
  return (window[name] ||= new Map());
}

/** A list without what only this drawing knows. */
const bare = (areas) => JSON.stringify(areas.map(({ name, points, shape, kind }) => [name, points, shape, kind]));

class Editor {
  /** `changed(areas)` is told each finished change, `shown()` whatever must be drawn again. */
  constructor(size, changed, shown) {
    this.size = size;
    this.changed = changed;
    this.shown = shown;
    this.count = 0;
    this.reset([]);
  }

  /** Begin with these areas and nothing to undo. */
  reset(areas) {
    this.areas = areas.map((area) => ({ ...area, id: this.id() }));
    this.selected = null;
    this.past = [];
    this.future = [];
    this.action = null;
    this.preview = null; // an area as it is while it is dragged
  }

  /** Keep what can be undone for when this list is shown again. */
  leave(name, revision) {
    const kept = histories(), { areas, past, future, count } = this;
    kept.delete(name);
    if (past.length || future.length) kept.set(name, { areas, past, future, count, revision });
    if (kept.size > HISTORIES) kept.delete(kept.keys().next().value);
  }

  /**
   * Begin with what could be undone when this list was left. Of the same revision its areas are what was drawn last, and
   * sent where Python does not know them; what was changed elsewhere since is one more step.
   */
  open(name, areas, revision) {
    const kept = histories().get(name);
    this.reset(kept ? [] : areas);
    if (!kept) return;
    this.areas = kept.areas;
    this.count = kept.count;
    this.past = [...kept.past];
    this.future = [...kept.future];
    if (bare(kept.areas) === bare(areas)) return;
    if (kept.revision === revision) this.changed();
    else this.replace(areas);
  }

  /** Take another list that came from elsewhere, as a step that can be undone; what is still there keeps its id. */
  replace(areas) {
    const known = new Map(this.areas.map((area) => [area.name, area.id]));
    this.remember(null);
    this.areas = areas.map((area) => ({ ...area, id: known.get(area.name) || this.id() }));
    this.preview = null;
    if (!this.current) this.selected = null;
  }

  id() {
    this.count += 1;
    return `area-${this.count}`;
  }

  get current() {
    return this.areas.find((area) => area.id === this.selected) || null;
  }

  /** The list as it is drawn: with the area that is being dragged where it is now. */
  get drawn() {
    return this.preview ? this.areas.map((area) => (area.id === this.preview.id ? this.preview : area)) : this.areas;
  }

  get full() {
    return this.areas.length >= MOST_AREAS;
  }

  select(id) {
    if (this.selected === id) return;
    this.selected = id;
    this.action = null;
    this.shown();
  }

  /** Keep the list as it is for undo, unless the same action goes on. */
  remember(action) {
    const now = Date.now();
    if (action && this.action && this.action.name === action && now - this.action.at < ONE_ACTION) {
      this.action.at = now;
      return;
    }
    this.action = action ? { name: action, at: now } : null;
    this.past.push({ areas: this.areas, selected: this.selected });
    if (this.past.length > STEPS) this.past.shift();
    this.future = [];
  }

  commit(areas, action = null) {
    this.remember(action);
    this.areas = areas;
    this.preview = null;
    this.changed();
    this.shown();
  }

  /** A new area, selected; null where there are as many as there may be. */
  add(points, shape) {
    if (this.full || !hasExtent(points)) return null;
    const area = { id: this.id(), name: nextName(this.areas), points: points.map((p) => p.map(tidy)), shape, kind: "" };
    this.remember(null);
    this.selected = area.id;
    this.areas = [...this.areas, area];
    this.changed();
    this.shown();
    return area;
  }

  /** A rectangle in the middle, a little aside of one that is there: for who has no pointer. */
  addInTheMiddle() {
    const { width, height } = this.size, wide = Math.max(1, Math.round(width / 4)), high = Math.max(1, Math.round(height / 4));
    const taken = new Set(this.areas.map((area) => String(area.points[0])));
    let left = Math.round((width - wide) / 2), top = Math.round((height - high) / 2);
    for (let tries = 0; tries < 50 && taken.has(String([left, top])); tries++) {
      left = Math.min(left + Math.ceil(width / 50), width - wide);
      top = Math.min(top + Math.ceil(height / 50), height - high);
    }
    return this.add(corners({ left, top, right: left + wide, bottom: top + high }), "rectangle");
  }

  /** Put an area in the place of the one with its id. */
  put(area, action = null) {
    const before = this.areas.find((other) => other.id === area.id);
    this.preview = null;
    if (!before || JSON.stringify(before) === JSON.stringify(area)) return this.shown();
    this.commit(this.areas.map((other) => (other.id === area.id ? area : other)), action);
  }

  /** Another name; where it is empty or taken, the nearest that is free. */
  rename(id, text) {
    const area = this.areas.find((other) => other.id === id), others = this.areas.filter((other) => other.id !== id);
    if (area) this.put({ ...area, name: freeName(cleanName(text) || nextName(others), others) }, `rename ${id}`);
  }

  remove(id) {
    const at = this.areas.findIndex((area) => area.id === id);
    if (at < 0) return;
    const rest = this.areas.filter((area) => area.id !== id);
    this.remember(null);
    this.areas = rest;
    this.selected = null;
    this.changed();
    this.shown();
  }

  /** The same area once more, aside. */
  duplicate(id) {
    const area = this.areas.find((other) => other.id === id);
    if (!area || this.full) return null;
    const aside = moved(area, Math.ceil(this.size.width / 40), Math.ceil(this.size.height / 40), this.size);
    const name = /^Area \d+$/.test(area.name) ? nextName(this.areas) : freeName(area.name, this.areas);
    const copy = { ...aside, id: this.id(), name };
    this.remember(null);
    this.selected = copy.id;
    this.areas = [...this.areas, copy];
    this.changed();
    this.shown();
    return copy;
  }

  undo() {
    this.travel(this.past, this.future);
  }

  redo() {
    this.travel(this.future, this.past);
  }

  travel(from, to) {
    const step = from.pop();
    if (!step) return;
    to.push({ areas: this.areas, selected: this.selected });
    this.areas = step.areas;
    this.selected = step.areas.some((area) => area.id === step.selected) ? step.selected : null;
    this.action = null;
    this.preview = null;
    this.changed();
    this.shown();
  }

  /** What a key does to the selected area; whether it did anything. */
  press(event) {
    const area = this.current;
    if (!area) return false;
    const by = event.shiftKey ? 10 : 1, size = this.size;
    const arrow = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] }[event.key];
    if (arrow) this.put((event.altKey ? grown : moved)(area, arrow[0], arrow[1], size), `${event.altKey} ${area.id}`);
    else if (event.key === "+" || event.key === "=") this.put(inflated(area, 1, size), `inflate ${area.id}`);
    else if (event.key === "-" || event.key === "_") this.put(inflated(area, -1, size), `inflate ${area.id}`);
    else if (event.key === "Delete" || event.key === "Backspace") this.remove(area.id);
    else return false;
    return true;
  }
}
