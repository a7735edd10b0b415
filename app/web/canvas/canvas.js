// The canvas on a page: it takes what Python gives, draws it, and sends back what a person did.

const SETTLED = 150; // milliseconds at a stop until Python is told
const GATHERED = 200; // milliseconds in which changes of areas are sent as one
const PATIENCE = 10000; // milliseconds: an answer that takes longer is none
const NARROW = { true: 280, false: 160 }; // pixels of the page, by whether it is edited: a tall picture is no narrower,
const TALL = 2.5; // but at most so many times as tall as was asked

class Canvas {
  constructor(root) {
    this.root = root;
    const find = (name) => root.querySelector(`.gz-${name}`);
    for (const name of ["stage", "picture", "heat", "over", "marks", "areas", "draft", "labels", "grips", "said"])
      this[name] = find(name);
    this.kept = new Heat();
    this.contents = new Map(); // what there is to see, by the heat of a stop
    this.unanswered = []; // moments that were sent, until Python gives them back
    this.shapes = new Shapes(this.areas);
    this.editor = new Editor({ width: 1, height: 1 }, () => this.sender.send("areas", GATHERED), () => this.again());
    this.pointer = new Pointer(this.over, this);
    this.controls = new Controls(this);
    this.strip = new Strip(find("strip"), (at, playing) => this.go(at, playing), () => this.sender.send("moment", SETTLED));
    this.sender = this.sending();
    this.scale = 1;
    this.listen();
  }

  sending() {
    const { editor } = this;
    const values = {
      moment: () => {
        if (this.moment !== this.data.moment || this.unanswered.length) this.unanswered.push({ value: this.moment, at: Date.now() });
        return this.moment;
      },
      areas: () => editor.areas.map(({ name, points, shape, kind }) => ({ name, points, shape, kind })),
      selected: () => (editor.current ? editor.current.name : null),
    };
    return new Sender(this.root, values, () => ({ subject: this.data.subject, revision: this.data.revision }));
  }

  listen() {
    this.root.addEventListener("focusin", (event) => { // not on the group of areas: Chromium would let it have the focus
      const area = event.target.closest(".gz-area");
      if (area && this.editable) this.editor.select(area.dataset.id);
    });
    this.picture.addEventListener("dragstart", (event) => event.preventDefault());
    this.watch = new ResizeObserver(() => this.layout());
    this.watch.observe(this.root);
  }

  leave() {
    this.sender.leave();
    this.editor.leave(this.history, this.data.revision);
    this.strip.stop();
    this.watch.disconnect();
  }

  get editable() {
    return this.data.editable;
  }

  get tool() {
    return this.controls.tool;
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
    this.sender.tell = tell;
    const anew = !before || before.subject !== data.subject;
    if (anew) {
      this.sender.drop();
      if (before) this.editor.leave(this.history, before.revision);
      this.history = `${data.history} ${data.subject}`;
      this.editor.size = { width: data.width, height: data.height };
      this.editor.open(this.history, data.areas, data.revision);
      this.pointer.polygon = [];
      this.strip.stop();
      this.told = null;
      this.controls.tool = !data.areas.length && window.matchMedia("(pointer: fine)").matches ? "rectangle" : "select";
    } else if (before.revision !== data.revision) {
      this.sender.drop("areas");
      this.pointer.cancel();
      this.editor.replace(data.areas);
    } else if (!data.editable && JSON.stringify(before.areas) !== JSON.stringify(data.areas)) {
      this.editor.replace(data.areas);
    }
    if (anew || before.moment !== data.moment) this.follow(data.moment, anew);
    this.moment = clamp(this.moment, 0, data.stops.length - 1);
    this.root.hidden = false;
    this.strip.build(data.stops);
    this.strip.show(this.moment);
    if (anew || before.picture !== data.picture) this.load();
    this.layout();
  }

  /** Go where Python says, unless it only answers what was sent from here: then somebody may have gone on. */
  follow(moment, anew) {
    const known = this.unanswered.findIndex(({ value, at }) => value === moment && Date.now() - at < PATIENCE);
    this.unanswered.splice(0, known < 0 ? Infinity : known + 1);
    if (anew || known < 0) this.moment = moment;
  }

  load() {
    const url = this.data.picture;
    this.picture.src = url;
    this.image = null;
    this.contents = new Map();
    loaded(url).then((image) => {
      if (url !== this.data.picture) return;
      this.image = image;
      this.thumbnails();
      this.again();
    });
  }

  /** Make room: as wide as the column and no taller than was asked, with the strip. */
  layout() {
    const { data, root } = this;
    if (!data || !root.clientWidth) return;
    const ratio = data.width / data.height, strip = this.strip.element;
    const room = data.most - (strip.hidden ? 0 : Math.max(84, strip.offsetHeight + 8));
    const fitting = Math.max(room, 120) * ratio, narrow = Math.min(NARROW[Boolean(data.editable)], TALL * fitting);
    const wide = Math.min(root.clientWidth, Math.max(fitting, narrow));
    this.wide = wide;
    this.high = wide / ratio;
    this.scale = wide / data.width;
    this.sharp = clamp(window.devicePixelRatio || 1, 1, 3);
    this.stage.style.width = `${wide}px`;
    this.stage.style.height = `${this.high}px`;
    strip.classList.toggle("gz-stays", this.high > 0.8 * window.innerHeight);
    this.over.setAttribute("viewBox", `0 0 ${wide} ${this.high}`);
    this.paint();
    this.again();
    this.thumbnails();
  }

  /** What labels had better not cover at this stop; null until it is known. */
  get content() {
    const { stop, contents } = this;
    if (!this.image) return null;
    if (!contents.has(stop.heat)) {
      contents.set(stop.heat, null);
      loaded(stop.heat).then((map) => {
        if (contents !== this.contents || !this.image) return;
        contents.set(stop.heat, new Content(this.image, map, this.data.width / this.data.height));
        this.again();
      });
    }
    return contents.get(stop.heat);
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
    const labels = new Labels(this.labels, this.wide, this.high, font, this.content), label = (area) => stop.labels[area.name] || "";
    this.over.classList.toggle("gz-live", this.editable || this.pickable);
    this.over.classList.toggle("gz-drawing", this.editable && this.tool !== "select");
    this.shapes.draw(areas, scale, editor.selected, { label, pickable: this.editable || this.pickable });
    const special = new Set([editor.selected]);
    drawAreaLabels(labels, areas, scale, label, special);
    drawMarks(this.marks, stop, scale, labels);
    drawDraft(this.draft, pointer, scale);
    drawGrips(this.grips, this.editable ? areas.find((area) => area.id === editor.selected) : null, scale, this.tool !== "select");
    this.controls.draw();
    this.report();
  }

  /** Python is told which area is selected, where it asked for that. */
  report() {
    const name = this.editor.current ? this.editor.current.name : null;
    if (!this.pickable || name === this.told) return;
    this.told = name;
    this.sender.send("selected", GATHERED);
  }

  focus(id) {
    this.draw();
    this.shapes.focus(id);
  }

  /** Somebody chose an area, or none; again the same lets it go where nothing is edited. */
  picked(id) {
    this.editor.select(!this.editable && id === this.editor.selected ? null : id);
  }

  /** A screen reader hears where an area is now. */
  tell(area) {
    if (area) this.said.textContent = spoken(area, "");
  }

  /** Show a stop; a screen reader is told what it says, but not while it plays. */
  go(at, playing) {
    this.moment = at;
    this.paint();
    this.again();
    if (!playing) this.said.textContent = this.stop.alt;
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
