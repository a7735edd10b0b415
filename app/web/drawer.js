// Where the sidebar covers the page, it closes as soon as another page is chosen in it: what was asked for is seen.

const COVERS = 768; // pixels: in a window no wider, Streamlit lays the sidebar over the page

export default function ({ data }) {
  const name = Symbol.for("gaze.page"), before = window[name];
  window[name] = data.page;
  if (before === undefined || before === data.page || window.innerWidth > COVERS) return;
  const close = document.querySelector('[data-testid="stSidebar"] [data-testid="stSidebarCollapseButton"] button');
  const open = close && close.getBoundingClientRect().right > 0;
  if (open) close.click();
}
