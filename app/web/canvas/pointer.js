// Mouse, pen and finger on the picture: drawing, selecting, moving and resizing.

const GRIP = 14; // pixels of the page: how near a corner is hit by a mouse; a finger has twice as much
const TREMBLE = 3; // pixels: a press that moves less is a click

class Pointer {
  /** `view` gives { tool, scale, layer, editor, editable, pickable } and takes `again`, `picked`, `focus`; its `controls` say words. */
  constructor(layer, view) {
    this.layer = layer;
    this.view = view;
    this.gesture = null;
    this.polygon = []; // corners of the polygon that is being drawn, in pixels of the picture
    this.over = null; // where the pointer is, for the line to the next corner
    layer.addEventListener("pointerdown", (event) => this.down(event));
    layer.addEventListener("pointermove", (event) => this.move(event));
    layer.addEventListener("pointerup", (event) => this.up(event));
    layer.addEventListener("touchstart", (event) => this.held() && event.preventDefault(), { passive: false });
    layer.addEventListener("pointercancel", () => this.cancelGesture());
    layer.addEventListener("dblclick", (event) => this.polygon.length && (event.preventDefault(), this.close()));
  }

  /** Where an event is, in pixels of the picture, inside of it. */
  at(event) {
    const frame = this.layer.getBoundingClientRect(), { width, height } = this.view.editor.size;
    return [
      clamp(((event.clientX - frame.left) / frame.width) * width, 0, width),
      clamp(((event.clientY - frame.top) / frame.height) * height, 0, height),
    ];
  }

  reach(event) {
    return (event.pointerType === "mouse" ? GRIP : 2 * GRIP) / this.view.scale / 2;
  }

  /** Whether a finger draws, or holds what is selected: then it does not scroll the page. */
  held() {
    const gesture = this.gesture, selected = this.view.editor.selected;
    return gesture !== null && (gesture.kind === "draw" || gesture.kind === "resize" || (gesture.area || {}).id === selected);
  }

  down(event) {
    if (event.button !== 0 || !event.isPrimary) return;
    const { editor, tool, editable, pickable } = this.view, at = this.at(event), near = this.reach(event);
    const handle = event.target.dataset ? event.target.dataset.handle : undefined;
    if (!editable) {
      if (pickable) this.begin(event, { kind: "pick", hit: areaAt(editor.areas, at, near / 2) });
    } else if (handle !== undefined && editor.current) {
      this.begin(event, { kind: "resize", handle, area: editor.current, off: this.beside(event, handle, editor.current) });
    } else if (tool === "polygon") {
      this.corner(event, at, near);
    } else if (tool === "rectangle") {
      this.begin(event, { kind: "draw" });
    } else {
      const hit = areaAt(editor.areas, at, near / 2), held = editor.current;
      const onHeld = held && areaAt([held], at, near / 2);
      if (hit || onHeld) this.begin(event, { kind: "move", area: onHeld ? held : hit, hit: hit || held });
      else editor.select(null);
    }
  }

  begin(event, gesture) {
    this.gesture = { ...gesture, from: this.at(event), x: event.clientX, y: event.clientY, far: false, id: event.pointerId };
    this.layer.setPointerCapture(event.pointerId);
    if (gesture.kind !== "pick") event.preventDefault();
  }

  move(event) {
    const { editor } = this.view, gesture = this.gesture, at = this.at(event);
    if (this.polygon.length) {
      this.over = at;
      this.view.again();
    }
    if (!gesture || gesture.id !== event.pointerId) return;
    gesture.far ||= Math.hypot(event.clientX - gesture.x, event.clientY - gesture.y) >= TREMBLE;
    if (!gesture.far) return;
    if (gesture.kind === "draw") {
      const box = dragged(gesture.from, at, editor.size);
      this.box = box;
      this.view.controls.say(`${box.right - box.left} × ${box.bottom - box.top} pixels at ${box.left}, ${box.top}`);
    } else if (gesture.kind === "move") {
      const [across, down] = [Math.round(at[0] - gesture.from[0]), Math.round(at[1] - gesture.from[1])];
      if (editor.selected !== gesture.area.id) editor.select(gesture.area.id);
      editor.preview = moved(gesture.area, across, down, editor.size);
    } else if (gesture.kind === "resize") {
      editor.preview = this.shaped(gesture, at);
    }
    this.view.again();
  }

  /** How far from the corner or edge itself its handle was taken hold of, in pixels of the picture. */
  beside(event, handle, area) {
    const at = this.at(event), corner = area.points[Number(handle)];
    if (corner) return [at[0] - corner[0], at[1] - corner[1]];
    const [left, top, right, bottom] = HANDLES[handle], box = boxOf(area.points);
    return [left ? at[0] - box.left : right ? at[0] - box.right : 0, top ? at[1] - box.top : bottom ? at[1] - box.bottom : 0];
  }

  shaped(gesture, point) {
    const { editor } = this.view, { width, height } = editor.size, corner = Number(gesture.handle);
    const at = [clamp(point[0] - gesture.off[0], 0, width), clamp(point[1] - gesture.off[1], 0, height)];
    if (Number.isInteger(corner)) return bent(editor.preview || gesture.area, corner, at, editor.size);
    return resized(gesture.area, gesture.handle, at, editor.size);
  }

  up(event) {
    const { editor } = this.view, gesture = this.gesture;
    if (!gesture || gesture.id !== event.pointerId) return;
    this.move(event);
    this.gesture = null;
    if (gesture.kind === "pick") {
      this.view.picked(gesture.hit ? gesture.hit.id : null);
    } else if (gesture.kind === "draw") {
      const box = this.box;
      this.box = null;
      this.view.controls.say("");
      if (gesture.far && box) this.made(editor.add(corners(box), "rectangle"));
      else this.click(areaAt(editor.areas, gesture.from, this.reach(event) / 2));
    } else if (!gesture.far) {
      if (gesture.kind === "move") this.click(gesture.hit);
    } else if (editor.preview) {
      editor.put(editor.preview);
      this.view.focus(gesture.area.id);
    }
    this.view.again();
  }

  click(area) {
    this.view.editor.select(area ? area.id : null);
    if (area) this.view.focus(area.id);
  }

  made(area) {
    if (area) this.view.focus(area.id);
    else if (this.view.editor.full) this.view.controls.say(`A picture may have ${MOST_AREAS} areas.`);
  }

  /** One more corner of a polygon; the first one again closes it. */
  corner(event, at, near) {
    const { editor } = this.view, to = [Math.round(at[0]), Math.round(at[1])], [first] = this.polygon;
    const last = this.polygon[this.polygon.length - 1];
    event.preventDefault();
    this.layer.focus({ preventScroll: true });
    if (!first && editor.full) return this.made(null);
    if (first && this.polygon.length >= 3 && Math.hypot(at[0] - first[0], at[1] - first[1]) <= near) return this.close();
    if (last && Math.hypot(to[0] - last[0], to[1] - last[1]) * this.view.scale < TREMBLE) return;
    if (this.polygon.length < MOST_CORNERS) this.polygon.push(to);
    this.over = at;
    editor.select(null);
    this.view.again();
  }

  /** Take the last corner back. */
  back() {
    this.polygon.pop();
    this.view.again();
  }

  /** Finish the polygon, if it has three corners and some extent. */
  close() {
    const points = this.polygon;
    this.polygon = [];
    if (hasExtent(points)) this.made(this.view.editor.add(points, "polygon"));
    this.view.again();
  }

  /** Give up what is being drawn or dragged; whether there was anything. */
  cancel() {
    const busy = this.polygon.length > 0 || this.gesture !== null;
    this.polygon = [];
    this.cancelGesture();
    return busy;
  }

  cancelGesture() {
    this.gesture = null;
    this.box = null;
    this.view.editor.preview = null;
    this.view.controls.say("");
    this.view.again();
  }
}
