export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".gaze-canvas");
  const img = root.firstChild || root.appendChild(document.createElement("img"));
  img.src = data.picture;
  img.alt = data.stops[data.moment].alt;
}
