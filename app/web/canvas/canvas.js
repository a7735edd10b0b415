// The canvas on a page: it takes what Python gives, draws it, and sends back what a person did.

const SETTLED = 400; // milliseconds at a stop until Python is told
const GATHERED = 200; // milliseconds in which changes of areas are sent as one
const SMALLEST = 280; // pixels of the page: a picture that is very tall is no narrower, and taller than was asked
const HINTS = {
  select: "Click an area to move, resize or rename it. Arrow keys move it by a pixel, with Shift by ten.",
  rectangle: "Drag on the picture to draw a rectangle.",
  polygon: "Click corner after corner. Click the first one again, or press Enter, to close it; Escape gives it up.",
};

class Canvas {
  constructor(root) {
    this.root = root;
    const find = (name) => root.querySelector(`.gz-${name}`);
    for (const name of ["tools", "hint", "stage", "picture", "heat", "over", "marks", "areas", "draft", "labels", "grips", "said"])
      this[name] = find(name);
    this.input = root.querySelector("input");
    this.mount = Math.random().toString(36).slice(2);
    this.count = 0;
    this.waiting = new Map(); // what is to be sent: name -> { timer, value }
    this.kept = new Heat();
    this.shapes = new Shapes(this.areas);
    this.editor = new Editor({ width: 1, height: 1 }, () => this.send("areas", GATHERED), () => this.again());
    this.pointer = new Pointer(this.over, this);
    this.strip = new Strip(find("strip"), (at, playing) => this.go(at, playing), () => this.send("moment", SETTLED));
    this.tool = "select";
    this.scale = 1;
    this.listen();
  }

  listen() {
    this.root.addEventListener("keydown", (event) => this.press(event));
    this.tools.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button && button.dataset.tool) this.use(button.dataset.tool);
      else if (button) this.act(button.dataset.do);
    });
    this.areas.addEventListener("focusin", (event) => {
      const id = event.target.dataset.id;
      if (id && this.editable) this.editor.select(id);
    });
    this.input.addEventListener("input", () => this.renamed());
    this.input.addEventListener("change", () => this.renamed(true));
    this.input.addEventListener("keydown", (event) => event.key === "Enter" && this.renamed(true));
    this.picture.addEventListener("dragstart", (event) => event.preventDefault());
    this.watch = new ResizeObserver(() => this.layout());
    this.watch.observe(this.root);
    this.elsewhere = (event) => !event.composedPath().includes(this.over) && this.flush();
    this.hidden = () => this.flush();
    document.addEventListener("pointerdown", this.elsewhere, true);
    document.addEventListener("visibilitychange", this.hidden);
  }

  leave() {
    this.flush();
    this.strip.stop();
    this.watch.disconnect();
    document.removeEventListener("pointerdown", this.elsewhere, true);
    document.removeEventListener("visibilitychange", this.hidden);
  }

  get editable() {
    return this.data.editable;
  }

  get pickable() {
    return this.data.pickable;
  }

  get stop() {
    return this.data.stops[this.moment] || this.data.stops[0];
  }

  /** Take what Python gives; what is drawn here stays unless its picture or its revision is another one. */
  receive(data, tell) {
    const before = this.data;
    this.data = data;
    this.tell = tell;
    const anew = !before || before.subject !== data.subject;
    if (anew) {
      this.drop();
      this.editor.size = { width: data.width, height: data.height };
      this.editor.reset(data.areas);
      this.pointer.polygon = [];
      this.tool = data.editable && !data.areas.length && window.matchMedia("(pointer: fine)").matches ? "rectangle" : "select";
    } else if (before.revision !== data.revision) {
      this.drop("areas");
      this.pointer.cancel();
      this.editor.replace(data.areas);
    } else if (!data.editable && JSON.stringify(before.areas) !== JSON.stringify(data.areas)) {
      this.editor.replace(data.areas);
    }
    if (anew || (before.moment !== data.moment && data.moment !== this.sent)) this.moment = data.moment;
    this.moment = clamp(this.moment, 0, data.stops.length - 1);
    this.root.hidden = false;
    this.tools.hidden = this.hint.hidden = !data.editable;
    this.strip.build(data.stops);
    this.strip.show(this.moment);
    if (anew || before.picture !== data.picture) this.load();
    this.layout();
  }

  load() {
    const url = this.data.picture;
    this.picture.src = url;
    this.image = null;
    loaded(url).then((image) => {
      if (url !== this.data.picture) return;
      this.image = image;
      this.thumbnails();
    });
  }

  /** Make room: as wide as the column and no taller than was asked, with the strip. */
  layout() {
    const { data, root } = this;
    if (!data || !root.clientWidth) return;
    const ratio = data.width / data.height, strip = this.strip.element;
    const room = data.most - (strip.hidden ? 0 : Math.max(84, strip.offsetHeight + 8));
    const wide = Math.min(root.clientWidth, Math.max(Math.max(room, 120) * ratio, SMALLEST));
    this.wide = wide;
    this.high = wide / ratio;
    this.scale = wide / data.width;
    this.sharp = clamp(window.devicePixelRatio || 1, 1, 3);
    this.stage.style.width = `${wide}px`;
    this.stage.style.height = `${this.high}px`;
    this.over.setAttribute("viewBox", `0 0 ${wide} ${this.high}`);
    this.paint();
    this.again();
    this.thumbnails();
  }

  thumbnails() {
    if (this.image && this.data.stops.length > 1)
      this.strip.thumbnails(this.image, this.data.stops, this.kept, this.data, this.sharp);
  }

  async paint() {
    const { data, stop } = this;
    this.picture.alt = stop.alt;
    const heat = await this.kept.of(stop, data.palette, data.width / data.height);
    if (stop === this.stop) paint(this.heat, this.wide, this.high, this.sharp, null, heat, this.data.opacity);
  }

  /** Draw lines and words once in the next frame. */
  again() {
    if (this.frame || !this.data) return;
    this.frame = window.requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    const { editor, pointer, scale, stop } = this, areas = editor.drawn;
    const font = `500 12px ${getComputedStyle(this.root).fontFamily}`;
    const labels = new Labels(this.labels, this.wide, this.high, font), label = (area) => stop.labels[area.name] || "";
    this.over.classList.toggle("gz-live", this.editable || this.pickable);
    this.over.classList.toggle("gz-drawing", this.editable && this.tool !== "select");
    this.shapes.draw(areas, scale, editor.selected, { label, pickable: this.editable || this.pickable });
    const special = new Set([editor.selected]);
    drawAreaLabels(labels, areas, scale, label, special);
    drawMarks(this.marks, stop, scale, labels);
    drawDraft(this.draft, pointer, scale);
    drawGrips(this.grips, this.editable ? areas.find((area) => area.id === editor.selected) : null, scale);
    this.toolbar();
  }

  toolbar() {
    if (!this.editable) return;
    const { editor, tools } = this, current = editor.current;
    for (const button of tools.querySelectorAll("[data-tool]"))
      button.setAttribute("aria-pressed", String(button.dataset.tool === this.tool));
    const able = {
      add: !editor.full, duplicate: current && !editor.full, remove: current, undo: editor.past.length, redo: editor.future.length,
    };
    for (const button of tools.querySelectorAll("[data-do]")) button.disabled = !able[button.dataset.do];
    this.input.disabled = !current;
    if (this.input !== this.root.getRootNode().activeElement) this.input.value = current ? current.name : "";
    this.input.dataset.id = current ? current.id : "";
    this.hint.textContent = this.words || HINTS[this.tool];
  }

  /** Words in the place of the hint; "" brings it back. */
  status(words) {
    this.words = words;
    this.again();
  }

  focus(id) {
    this.draw();
    this.shapes.focus(id);
  }

  use(tool) {
    this.pointer.cancel();
    this.tool = tool;
    this.again();
  }

  act(what) {
    const { editor } = this, id = editor.selected;
    this.pointer.cancel();
    if (what === "add" || what === "duplicate") {
      const made = what === "add" ? editor.addInTheMiddle() : editor.duplicate(id);
      if (made) this.focus(made.id);
    } else if (what === "remove") {
      editor.remove(id);
      this.over.focus({ preventScroll: true });
    } else if (what === "undo" || what === "redo") editor[what]();
  }

  renamed(finished = false) {
    const { id } = this.input.dataset;
    if (!id || (!finished && !cleanName(this.input.value))) return;
    this.editor.rename(id, this.input.value);
    if (finished && this.editor.current) this.input.value = this.editor.current.name;
  }

  press(event) {
    if (!this.data || event.target === this.input || event.defaultPrevented) return;
    const area = event.target.closest(".gz-area"), control = event.ctrlKey || event.metaKey, key = event.key.toLowerCase();
    if (area && (event.key === "Enter" || event.key === " ") && !this.pointer.polygon.length) this.picked(area.dataset.id);
    else if (!this.editable) return;
    else if (control && key === "z") this.act(event.shiftKey ? "redo" : "undo");
    else if (control && key === "y") this.act("redo");
    else if (control && key === "d" && this.editor.current) this.act("duplicate");
    else if (control || event.target.closest(".gz-strip")) return;
    else if (event.key === "Enter" && this.pointer.polygon.length) this.pointer.close();
    else if (event.key === "Escape") this.escape();
    else if (event.key === "Backspace" && this.pointer.polygon.length) this.pointer.polygon.pop(), this.again();
    else if (key === "n" && !event.altKey) this.act("add");
    else if (event.target.closest("button")) return;
    else if (event.key === "Delete" || event.key === "Backspace") this.act("remove");
    else if (!this.editor.press(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  escape() {
    if (!this.pointer.cancel()) this.editor.select(null);
  }

  /** Somebody chose an area, or none; again the same lets it go where nothing is edited. */
  picked(id) {
    this.editor.select(!this.editable && id === this.editor.selected ? null : id);
    if (this.pickable) this.send("selected", GATHERED);
  }

  /** Show a stop; a screen reader is told what it says, but not while it plays. */
  go(at, playing) {
    this.moment = at;
    this.paint();
    this.again();
    if (!playing) this.said.textContent = this.stop.alt;
  }

  /** Tell Python something once it is settled. */
  send(name, after) {
    window.clearTimeout((this.waiting.get(name) || {}).timer);
    this.waiting.set(name, { timer: window.setTimeout(() => this.deliver(name), after) });
  }

  deliver(name) {
    if (!this.waiting.delete(name)) return;
    const { editor } = this;
    const values = {
      moment: () => this.moment,
      areas: () => editor.areas.map(({ name, points, shape, kind }) => ({ name, points, shape, kind })),
      selected: () => (editor.current ? editor.current.name : null),
    };
    if (name === "moment") this.sent = this.moment;
    this.count += 1;
    const serial = `${this.mount}-${this.count}`;
    this.tell(name, { serial, value: values[name](), subject: this.data.subject, revision: this.data.revision });
  }

  /** Send at once what waits to be sent. */
  flush() {
    for (const [name, { timer }] of [...this.waiting]) {
      window.clearTimeout(timer);
      this.deliver(name);
    }
  }

  /** Forget what waits to be sent: it belongs to what was replaced. */
  drop(only) {
    for (const [name, { timer }] of [...this.waiting]) {
      if (only && name !== only) continue;
      window.clearTimeout(timer);
      this.waiting.delete(name);
    }
  }
}

const canvases = new WeakMap();

export default function (component) {
  const root = component.parentElement.querySelector(".gz");
  if (!root || !component.data) return undefined;
  if (!canvases.has(root)) canvases.set(root, new Canvas(root));
  const canvas = canvases.get(root);
  canvas.receive(component.data, component.setStateValue);
  return () => {
    canvas.leave();
    canvases.delete(root);
  };
}
