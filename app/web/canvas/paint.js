// What is painted: the heat of a stop in the colours of a palette, large over the picture and small in the strip.

const DETAIL = 512; // pixels: the longest side at which heat is coloured; finer than what a model knows

/** An image once it is loaded; null where it cannot be. */
function loaded(url) {
  return new Promise((done) => {
    if (!url) return done(null);
    const image = new Image();
    image.onload = () => done(image);
    image.onerror = () => done(null);
    image.src = url;
  });
}

function surface(width, height) {
  const made = document.createElement("canvas");
  made.width = Math.max(1, Math.round(width));
  made.height = Math.max(1, Math.round(height));
  return made;
}

/** The 256 colours of a palette from base64: red, green, blue, cover. */
function decoded(text) {
  const letters = atob(text), table = new Uint8ClampedArray(letters.length);
  for (let i = 0; i < letters.length; i++) table[i] = letters.charCodeAt(i);
  return table;
}

/** A grey map enlarged smoothly, then coloured: its levels go through the palette, so that no colour is mixed. */
function coloured(map, table, ratio) {
  const wide = ratio >= 1 ? DETAIL : DETAIL * ratio;
  const made = surface(wide, wide / ratio), pen = made.getContext("2d", { willReadFrequently: true });
  pen.imageSmoothingQuality = "high";
  pen.drawImage(map, 0, 0, made.width, made.height);
  const pixels = pen.getImageData(0, 0, made.width, made.height), values = pixels.data;
  for (let i = 0; i < values.length; i += 4) {
    const level = 4 * values[i];
    values[i] = table[level];
    values[i + 1] = table[level + 1];
    values[i + 2] = table[level + 2];
    values[i + 3] = table[level + 3];
  }
  pen.putImageData(pixels, 0, 0);
  return made;
}

/** Coloured maps by stop; made when they are first shown, and again when map or palette change. */
class Heat {
  constructor() {
    this.made = new Map();
  }

  /** What is painted over the picture at a stop: a canvas, or null where there is no map (yet). */
  async of(stop, palette, ratio) {
    if (!stop || !stop.heat) return null;
    const name = `${palette}|${stop.heat}`;
    if (!this.made.has(name)) {
      if (this.made.size > 60) this.made.clear();
      this.made.set(name, loaded(stop.heat).then((map) => map && coloured(map, decoded(palette), ratio)));
    }
    return this.made.get(name);
  }
}

/** Picture and heat, or the heat alone, filling a canvas; `sharp` is the device's pixels per pixel of the page. */
function paint(target, width, height, sharp, picture, heat, opacity) {
  const wide = Math.max(1, Math.round(width * sharp)), high = Math.max(1, Math.round(height * sharp));
  if (target.width !== wide || target.height !== high) {
    target.width = wide;
    target.height = high;
  }
  const pen = target.getContext("2d");
  pen.clearRect(0, 0, wide, high);
  pen.imageSmoothingQuality = "high";
  pen.globalAlpha = 1;
  if (picture) pen.drawImage(picture, 0, 0, wide, high);
  if (heat) {
    pen.globalAlpha = opacity;
    pen.drawImage(heat, 0, 0, wide, high);
  }
}
