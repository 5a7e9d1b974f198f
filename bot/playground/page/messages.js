// One message, and lists of them that keep what did not change (so that focus and open menus stay).
import { blocks, context } from "./blocks.js";
import { h, menu } from "./dom.js";
import { EMOJI } from "./emoji.js";
import { icon } from "./icons.js";
import { mrkdwn } from "./mrkdwn.js";
import { act, clock, colourOf, dayName, initials, person, world } from "./world.js";

const drafts = {}; // values chosen in messages, by message

export function avatar(who, classes = "") {
  const node = h("span", { class: `avatar ${classes} ${who.is_bot ? "bot" : ""}`, "aria-hidden": "true" }, who.is_bot ? "" : initials(who.name));
  if (!who.is_bot) node.style.background = colourOf(who.id);
  return node;
}

function files(message) {
  return (message.files || []).map((file) => {
    const shown = /\.(png|jpe?g|gif)$/i.test(file.name);
    const content = shown ? h("img", { src: file.url_private, alt: file.title, class: "large" }) : `File: ${file.title}`;
    return h("figure", { class: "picture" }, h("figcaption", {}, shown ? file.title : ""),
      h("a", { href: file.url_private, target: "_blank", rel: "noopener" }, content));
  });
}

function reactions(message) {
  if (!message.reactions) return null;
  return h("div", { class: "reactions" }, message.reactions.map((each) => h("span", {
    class: "reaction", title: each.users.map((id) => person(id).name).join(", ") }, EMOJI[each.name] || `:${each.name}:`, ` ${each.count}`)));
}

function openThread(message) {
  const ts = message.thread_ts || message.ts;
  document.dispatchEvent(new CustomEvent("go", { detail: { channel: message.channel, thread: ts } }));
}

function tools(message, inThread) {
  if (message.ephemeral) return null;
  const items = world.state.shortcuts.map(([callback, name]) => ({
    label: name, press: () => act("shortcut", { channel: message.channel, ts: message.ts, callback_id: callback }) }));
  const more = h("button", { type: "button", class: "icon", "aria-label": "More actions for this message", "aria-haspopup": "menu",
    "aria-expanded": "false", onclick: () => menu(more, items, "Message shortcuts") }, icon("more"));
  return h("div", { class: "tools" },
    inThread ? null : h("button", { type: "button", class: "icon", "aria-label": "Reply in thread", title: "Reply in thread", onclick: () => openThread(message) }, icon("reply")),
    items.length ? more : null);
}

function summary(message) {
  const many = message.replies === 1 ? "1 reply" : `${message.replies} replies`;
  return h("button", { type: "button", class: "replies", onclick: () => openThread(message) },
    h("span", { class: "faces" }, message.repliers.slice(0, 4).map((id) => avatar(person(id), "mini"))),
    h("strong", {}, many), h("span", { class: "when" }, `last at ${clock(message.latest_reply)}`));
}

function ephemeralNote(message) {
  const dismiss = () => { world.dismissed.add(message.ts); document.dispatchEvent(new CustomEvent("redraw")); };
  return h("p", { class: "only-you" }, icon("eye"), " Only visible to you ",
    h("button", { type: "button", class: "plain", onclick: dismiss }, "Dismiss"));
}

function render(message, inThread) {
  const who = person(message.user);
  const kept = (drafts[message.channel + message.ts] ||= {});
  const press = (block, thing, value) => act("click", {
    channel: message.channel, ts: message.ts, block_id: block.block_id, action_id: thing.action_id, value, values: kept });
  const content = message.blocks.length ? blocks(context(kept, press), message.blocks) : message.text ? mrkdwn(message.text) : null;
  return h("article", { class: `message ${message.ephemeral ? "ephemeral" : ""}`, "data-ts": message.ts, "aria-label": `${who.name}, ${clock(message.ts)}` },
    avatar(who),
    h("div", { class: "message-main" },
      message.ephemeral ? ephemeralNote(message) : null,
      h("div", { class: "byline" }, h("strong", {}, who.name), who.is_bot ? h("span", { class: "app" }, "APP") : h("span", { class: "role" }, who.title),
        h("time", { title: new Date(Number(message.ts) * 1000).toLocaleString() }, clock(message.ts)), message.edited ? h("span", { class: "role" }, "(edited)") : null),
      content, files(message), reactions(message),
      !inThread && message.replies ? summary(message) : null),
    tools(message, inThread));
}

// A list that redraws only what differs. `fill` returns whether something new came in at the end.
export class MessageList {
  constructor(node, inThread) {
    this.node = node;
    this.inThread = inThread;
    this.kept = new Map();
  }

  fill(list, empty) {
    const shown = list.filter((message) => !world.dismissed.has(message.ts));
    const atEnd = this.node.scrollHeight - this.node.scrollTop - this.node.clientHeight < 120;
    const before = this.last;
    const next = new Map();
    const nodes = [];
    let day = "";
    for (const [n, message] of shown.entries()) {
      if (!this.inThread && dayName(message.ts) !== day) {
        day = dayName(message.ts);
        nodes.push(this.divider(`day ${day}`, day, next));
      }
      const text = JSON.stringify(message);
      const old = this.kept.get(message.ts);
      const kept = old?.text === text ? old : { text, node: render(message, this.inThread) };
      next.set(message.ts, kept);
      nodes.push(kept.node);
      if (this.inThread && n === 0 && shown.length > 1) nodes.push(this.divider("replies", `${shown.length - 1} ${shown.length === 2 ? "reply" : "replies"}`, next));
    }
    if (!shown.length) nodes.push(h("p", { class: "empty" }, empty));
    this.kept = next;
    this.place(nodes);
    this.last = shown.at(-1)?.ts;
    if (this.last !== before && (atEnd || before === undefined)) this.toEnd();
  }

  divider(key, text, next) {
    const name = `${key} ${text}`;
    const kept = this.kept.get(name) || { node: h("div", { class: "day", role: "separator" }, h("span", {}, text)) };
    next.set(name, kept);
    return kept.node;
  }

  place(nodes) {
    for (const [n, node] of nodes.entries()) {
      const there = this.node.children[n];
      if (there !== node) this.node.insertBefore(node, there || null);
    }
    while (this.node.children.length > nodes.length) this.node.lastElementChild.remove();
  }

  toEnd() {
    const go = () => { this.node.scrollTop = this.node.scrollHeight; };
    go();
    for (const image of this.node.querySelectorAll("img")) if (!image.complete) image.addEventListener("load", go, { once: true });
    requestAnimationFrame(go);
  }

  forget() {
    this.node.replaceChildren();
    this.kept = new Map();
    this.last = undefined;
  }
}
