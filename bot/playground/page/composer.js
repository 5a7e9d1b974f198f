// The message box: plain text is said, a known slash command goes to the bot.
import { h } from "./dom.js";
import { act, world } from "./world.js";

function grow(box) {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight, 160)}px`;
}

// A person writes names and links as they are; the wire wants & < > escaped and mentions as <@ID>.
function wire(text) {
  let out = text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const people = Object.values(world.state.people).sort((a, b) => b.name.length - a.name.length);
  for (const each of people) out = out.replaceAll(`@${each.name}`, `<@${each.id}>`);
  return out;
}

async function send(box, thread) {
  const text = box.value.trim();
  if (!text) return;
  const command = text.match(/^(\/[\w-]+)(?:\s+([\s\S]*))?$/);
  const known = command && world.state.commands.some(([name]) => name === command[1]);
  box.value = "";
  grow(box);
  const answer = known
    ? await act("command", { channel: world.channel, command: command[1], text: command[2] || "" })
    : await act("say", { channel: world.channel, text: wire(text), thread_ts: thread });
  if (!answer.ok && !box.value && !answer.ts) { box.value = text; grow(box); }
}

function hint(box, hints) {
  const typed = box.value.split(/\s/)[0];
  const offered = box.value.startsWith("/") && !/\s/.test(box.value) ? world.state.commands.filter(([name]) => name.startsWith(typed)) : [];
  hints.hidden = !offered.length;
  hints.replaceChildren(...offered.map(([name, about]) => h("button", { type: "button", role: "option", "aria-selected": "false",
    onclick: () => { box.value = `${name} `; hints.hidden = true; box.focus(); } }, h("strong", {}, name), h("span", {}, about))));
}

export function composer(form, box, { hints, thread }) {
  form.addEventListener("submit", (event) => { event.preventDefault(); if (hints) hints.hidden = true; send(box, thread?.()); });
  box.addEventListener("input", () => { grow(box); if (hints) hint(box, hints); });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
    else if (event.key === "Escape" && hints && !hints.hidden) { event.preventDefault(); hints.hidden = true; }
    else if (event.key === "Tab" && hints && !hints.hidden && hints.firstElementChild) { event.preventDefault(); hints.firstElementChild.click(); }
  });
}
