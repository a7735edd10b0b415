// What Python is told: each message once it is settled, numbered, and with the picture and revision it belongs to.

class Sender {
  /** `values[name]()` gives what is sent under a name, `about()` the { subject, revision } it belongs to. */
  constructor(root, values, about) {
    Object.assign(this, { root, values, about });
    this.mount = Math.random().toString(36).slice(2);
    this.count = 0;
    this.waiting = new Map(); // timers by name
    this.elsewhere = (event) => !event.composedPath().includes(root) && this.flush();
    this.hidden = () => this.flush();
    document.addEventListener("pointerdown", this.elsewhere, true);
    document.addEventListener("visibilitychange", this.hidden);
  }

  leave() {
    this.flush();
    document.removeEventListener("pointerdown", this.elsewhere, true);
    document.removeEventListener("visibilitychange", this.hidden);
  }

  /** Tell it when nothing else came under the same name for so many milliseconds. */
  send(name, after) {
    window.clearTimeout(this.waiting.get(name));
    this.waiting.set(name, window.setTimeout(() => this.deliver(name), after));
    this.root.dataset.waiting = "";
  }

  deliver(name) {
    if (!this.waiting.delete(name)) return;
    if (!this.waiting.size) delete this.root.dataset.waiting;
    this.count += 1;
    this.tell(name, { serial: `${this.mount}-${this.count}`, value: this.values[name](), ...this.about() });
  }

  /** Tell at once what waits. */
  flush() {
    for (const [name, timer] of [...this.waiting]) {
      window.clearTimeout(timer);
      this.deliver(name);
    }
  }

  /** Forget what waits: it belongs to what was replaced. */
  drop(only) {
    for (const [name, timer] of [...this.waiting]) {
      if (only && name !== only) continue;
      window.clearTimeout(timer);
      this.waiting.delete(name);
    }
    if (!this.waiting.size) delete this.root.dataset.waiting;
  }
}
