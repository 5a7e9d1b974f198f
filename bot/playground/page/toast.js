// Short notices at the foot of the page; a screen reader hears them.
import { h } from "./dom.js";
import { icon } from "./icons.js";

export function toast(text, kind = "") {
  const note = h("div", { class: `toast ${kind}` }, h("span", {}, text),
    h("button", { type: "button", "aria-label": "Dismiss", onclick: () => note.remove() }, icon("close")));
  document.getElementById("toasts").append(note);
  setTimeout(() => note.remove(), 9000);
}
