// Modals and confirm dialogs, as native <dialog>s: the browser keeps the focus inside.
import { blocks, context } from "./blocks.js";
import { h } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { icon } from "./icons.js";
import { mrkdwn } from "./mrkdwn.js";
import { act, world } from "./world.js";

export function confirmed(confirm, style) {
  return new Promise((resolve) => {
    const done = (answer) => { dialog.close(); dialog.remove(); resolve(answer); };
    const text = confirm.text.type === "mrkdwn" ? mrkdwn(confirm.text.text) : h("p", {}, withEmoji(confirm.text.text));
    const yes = (confirm.style || style) === "danger" ? "danger solid" : "primary";
    const dialog = h("dialog", { class: "dialog small", "aria-label": confirm.title.text },
      h("header", {}, h("h2", {}, withEmoji(confirm.title.text))),
      h("div", { class: "dialog-body" }, text),
      h("footer", {},
        h("button", { type: "button", class: "btn", onclick: () => done(false) }, confirm.deny?.text || "Cancel"),
        h("button", { type: "button", class: `btn ${yes}`, onclick: () => done(true) }, confirm.confirm?.text || "Yes")));
    dialog.addEventListener("cancel", (event) => { event.preventDefault(); done(false); });
    document.body.append(dialog);
    dialog.showModal();
  });
}

let open = null; // { id, hash, dialog, drafts } of the modal that is shown
const drafts = {}; // what was typed, per view id; it survives an update of the view

function showErrors(dialog, errors) {
  for (const node of dialog.querySelectorAll(".input")) {
    const text = errors[node.dataset.block] || "";
    node.querySelector(".error").textContent = text;
    node.classList.toggle("wrong", Boolean(text));
    const control = node.querySelector("input, select, textarea");
    if (text) control?.setAttribute("aria-invalid", "true");
    else control?.removeAttribute("aria-invalid");
  }
  dialog.querySelector(".input.wrong :is(input, select, textarea)")?.focus();
}

function build(view) {
  const kept = (drafts[view.id] ||= {});
  const press = (block, thing, value) => act("view_action", {
    view_id: view.id, block_id: block.block_id, action_id: thing.action_id, value, values: kept });
  const close = (all) => act("close", { view_id: view.id, all });
  const submit = async (event) => {
    event.preventDefault();
    const send = form.querySelector("[type=submit]");
    if (!send || send.disabled) return;
    send.disabled = true;
    send.setAttribute("aria-busy", "true");
    const answer = await act("submit", { view_id: view.id, values: kept });
    send.disabled = false;
    send.removeAttribute("aria-busy");
    showErrors(dialog, answer.errors || {});
  };
  const form = h("form", { class: "dialog-form", onsubmit: submit, novalidate: true },
    h("header", {},
      view.previous_view_id ? h("button", { type: "button", class: "icon", "aria-label": "Back", onclick: () => close(false) }, icon("back")) : null,
      h("h2", {}, withEmoji(view.title.text)),
      h("button", { type: "button", class: "icon", "aria-label": "Close", onclick: () => close(true) }, icon("close"))),
    h("div", { class: "dialog-body" }, blocks(context(kept, press), view.blocks)),
    h("footer", {},
      h("button", { type: "button", class: "btn", onclick: () => close(false) }, withEmoji(view.close?.text || (view.submit ? "Cancel" : "Close"))),
      view.submit ? h("button", { type: "submit", class: "btn primary" }, withEmoji(view.submit.text)) : null));
  const dialog = h("dialog", { class: "dialog", "aria-label": view.title.text, "data-view": view.id }, form);
  dialog.addEventListener("cancel", (event) => { event.preventDefault(); close(false); });
  return dialog;
}

function drop() {
  open?.dialog.close();
  open?.dialog.remove();
  open = null;
}

// Shows the topmost modal; an unchanged one is left alone so that the focus stays.
export function showModals() {
  const views = world.state.views;
  const top = views[views.length - 1];
  for (const id of Object.keys(drafts)) if (!views.some((view) => view.id === id)) delete drafts[id];
  if (!top) return drop();
  if (open?.id === top.id && open.hash === top.hash) return undefined;
  const scroll = open?.id === top.id ? open.dialog.querySelector(".dialog-body").scrollTop : 0;
  const focused = open?.id === top.id ? document.activeElement?.dataset?.action : null;
  drop();
  const dialog = build(top);
  document.body.append(dialog);
  dialog.showModal();
  dialog.querySelector(".dialog-body").scrollTop = scroll;
  const first = dialog.querySelector(".dialog-body :is(input, select, textarea, button)");
  const again = focused ? [...dialog.querySelectorAll("[data-action]")].find((node) => node.dataset.action === focused) : null;
  (again || first)?.focus();
  open = { id: top.id, hash: top.hash, dialog };
  return undefined;
}
