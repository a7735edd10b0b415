// The tools above the picture, the field for the name, and the keys that do the same.

const HINTS = {
  select: "Choose an area to move, resize or rename it. Arrow keys move it by a pixel, with Shift by ten.",
  rectangle: "Drag on the picture to draw a rectangle.",
  touched: "Tap an area to move, resize or rename it. Elsewhere a finger scrolls the page.",
  polygon: "Set corner after corner. The first one again, or Enter, closes it; Escape gives it up.",
};

class Controls {
  /** `view` is the canvas that is controlled: its editor, pointer, shapes, and what it draws. */
  constructor(view) {
    this.view = view;
    this.tool = "select";
    this.finger = window.matchMedia("(pointer: coarse)");
    this.tools = view.root.querySelector(".gz-tools");
    this.hint = view.root.querySelector(".gz-hint");
    this.input = view.root.querySelector("input");
    view.root.addEventListener("keydown", (event) => this.press(event));
    this.tools.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button && button.dataset.tool) this.use(button.dataset.tool);
      else if (button) this.act(button.dataset.do);
    });
    this.input.addEventListener("input", () => this.rename());
    this.input.addEventListener("change", () => this.rename(true));
    this.input.addEventListener("keydown", (event) => event.key === "Enter" && this.rename(true));
  }

  /** Which element of the component has the focus. */
  get active() {
    return this.view.root.getRootNode().activeElement;
  }

  /** What can be done now, and the name of the selected area. */
  draw() {
    const { editor, editable } = this.view, current = editor.current;
    this.tools.hidden = this.hint.hidden = !editable;
    if (!editable) return;
    for (const button of this.tools.querySelectorAll("[data-tool]"))
      button.setAttribute("aria-pressed", String(button.dataset.tool === this.tool));
    const able = {
      add: !editor.full, duplicate: current && !editor.full, remove: current, undo: editor.past.length, redo: editor.future.length,
    };
    for (const button of this.tools.querySelectorAll("[data-do]")) button.disabled = !able[button.dataset.do];
    this.input.disabled = !current;
    if (this.input !== this.active || this.input.dataset.id !== editor.selected) this.input.value = current ? current.name : "";
    this.input.dataset.id = current ? current.id : "";
    this.hint.textContent = this.words || HINTS[this.tool === "select" && this.finger.matches ? "touched" : this.tool];
  }

  /** Words in the place of the hint; "" brings it back. */
  say(words) {
    this.words = words;
    this.view.again();
  }

  use(tool) {
    this.view.pointer.cancel();
    this.tool = tool;
    this.view.again();
  }

  /** What a button does; the focus stays on it, or goes to the area, or to the picture. */
  act(what) {
    const { editor, pointer, shapes, over } = this.view, id = editor.selected;
    pointer.cancel();
    if (what === "add" || what === "duplicate") {
      const made = what === "add" ? editor.addInTheMiddle() : editor.duplicate(id);
      if (made) this.view.focus(made.id);
      return;
    }
    const before = this.active;
    if (what === "remove") editor.remove(id);
    else editor[what]();
    this.view.draw();
    if (before && before.closest("button:not(:disabled)")) return;
    if (editor.selected) shapes.focus(editor.selected);
    else over.focus({ preventScroll: true });
  }

  /** Take the name from the field; while it is typed, an empty one waits. */
  rename(finished = false) {
    const { id } = this.input.dataset, { editor } = this.view;
    if (!id || (!finished && !cleanName(this.input.value))) return;
    editor.rename(id, this.input.value);
    if (finished && editor.current) this.input.value = editor.current.name;
  }

  press(event) {
    const { view } = this;
    if (!view.data || event.target === this.input || event.defaultPrevented || !this.did(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Do what a key says; whether it says anything here. */
  did(event) {
    const { editor, pointer, editable } = this.view, drawing = pointer.polygon.length > 0, { target } = event;
    const area = target.closest(".gz-area"), control = event.ctrlKey || event.metaKey, key = event.key.toLowerCase();
    if (area && (key === "enter" || key === " ") && !drawing) this.view.picked(area.dataset.id);
    else if (!editable) return false;
    else if (control && key === "z") this.act(event.shiftKey ? "redo" : "undo");
    else if (control && key === "y") this.act("redo");
    else if (control && key === "d" && editor.current) this.act("duplicate");
    else if (control || target.closest(".gz-strip")) return false;
    else if (drawing && key === "enter") pointer.close();
    else if (drawing && key === "backspace") pointer.back();
    else if (key === "escape") pointer.cancel() || editor.select(null);
    else if (key === "n" && !event.altKey) this.act("add");
    else if (target.closest("button")) return false;
    else if (key === "delete" || key === "backspace") this.act("remove");
    else if (editor.press(event)) this.view.tell(editor.current);
    else return false;
    return true;
  }
}
