// The strip under the picture: one thumbnail a stop, the whole viewing set apart at the left, and a button that plays.

const STEP = 900; // milliseconds a second of viewing is shown while it plays

class Strip {
  /** `go(stop, playing)` is told every stop; `settle()` once somebody stays at one. */
  constructor(element, go, settle) {
    this.element = element;
    this.go = go;
    this.settle = settle;
    this.at = 0;
    this.radios = [];
    this.timer = null;
    this.button = element.querySelector(".gz-play");
    this.group = element.querySelector(".gz-stops");
    this.still = window.matchMedia("(prefers-reduced-motion: reduce)");
    this.button.addEventListener("click", () => this.toggle());
    this.group.addEventListener("keydown", (event) => this.press(event));
    this.group.addEventListener("click", (event) => {
      const radio = event.target.closest("[role=radio]");
      if (radio) this.choose(this.radios.indexOf(radio));
    });
    this.still.addEventListener("change", () => this.name());
  }

  /** As many thumbnails as there are stops, with their captions. */
  build(stops) {
    const captions = stops.map((stop) => stop.caption).join("\n");
    this.element.hidden = stops.length < 2;
    if (captions === this.captions) return;
    this.captions = captions;
    this.group.replaceChildren();
    this.radios = stops.map((stop, number) => {
      const radio = document.createElement("div");
      radio.className = number === 0 ? "gz-stop gz-whole" : "gz-stop";
      radio.setAttribute("role", "radio");
      radio.setAttribute("aria-label", stop.caption);
      const caption = document.createElement("span");
      caption.textContent = stop.caption;
      radio.append(document.createElement("canvas"), caption);
      this.group.append(radio);
      return radio;
    });
    this.show(clamp(this.at, 0, stops.length - 1));
  }

  /** Draw the thumbnails: the picture under the heat of each stop. */
  async thumbnails(picture, stops, heat, data, sharp) {
    const ratio = data.width / data.height, high = 52, wide = clamp(high * ratio, 40, 92);
    const [width, height] = wide / ratio <= high ? [wide, wide / ratio] : [high * ratio, high];
    for (const [number, radio] of this.radios.entries()) {
      const target = radio.firstChild, made = await heat.of(stops[number], data.palette, ratio);
      if (!radio.isConnected) return;
      target.style.aspectRatio = `${width} / ${height}`;
      target.style.width = `${width}px`;
      paint(target, width, height, sharp, picture, made, data.opacity);
    }
  }

  /** Mark a stop as the one that is shown. */
  show(at) {
    this.at = at;
    this.radios.forEach((radio, number) => {
      radio.setAttribute("aria-checked", String(number === at));
      radio.tabIndex = number === at ? 0 : -1;
    });
    const radio = this.radios[at];
    if (radio && this.group.scrollWidth > this.group.clientWidth) {
      const left = radio.offsetLeft - this.group.offsetLeft - (this.group.clientWidth - radio.offsetWidth) / 2;
      this.group.scrollTo({ left, behavior: this.still.matches ? "auto" : "smooth" });
    }
  }

  choose(at, focus = true) {
    this.stop();
    this.show(at);
    if (focus && this.radios[at]) this.radios[at].focus({ preventScroll: true });
    this.go(at, false);
    this.settle();
  }

  press(event) {
    const last = this.radios.length - 1;
    const to = {
      ArrowRight: this.at + 1, ArrowDown: this.at + 1, ArrowLeft: this.at - 1, ArrowUp: this.at - 1, Home: 0, End: last,
    }[event.key];
    if (event.key === " " || event.key === "Enter") this.toggle();
    else if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    else this.choose(to < 0 ? last : to > last ? 0 : to);
    event.preventDefault();
    event.stopPropagation();
  }

  /** Play through the seconds, or stop; who wants no motion goes on by one second each time. */
  toggle() {
    if (this.timer) {
      this.stop();
      this.settle();
    } else if (this.still.matches) {
      this.choose(this.at + 1 < this.radios.length ? this.at + 1 : 1, false);
    } else {
      this.step(this.at + 1 < this.radios.length ? this.at + 1 : 1);
      this.timer = window.setInterval(() => this.step(this.at + 1), STEP);
      this.name();
    }
  }

  step(at) {
    if (at >= this.radios.length) {
      this.stop();
      this.settle();
      return;
    }
    this.show(at);
    this.go(at, true);
  }

  stop() {
    window.clearInterval(this.timer);
    this.timer = null;
    this.name();
  }

  /** The button says what it does next. */
  name() {
    const words = this.timer ? "Pause" : this.still.matches ? "Next second" : "Play the seconds";
    this.button.setAttribute("aria-label", words);
    this.button.title = words;
    this.button.classList.toggle("gz-playing", this.timer !== null);
  }
}
