// Slack's mrkdwn as DOM nodes. The text arrives with & < > escaped; only <…> written by the app is markup.
import { h, link } from "./dom.js";
import { EMOJI } from "./emoji.js";
import { person, room, world } from "./world.js";

export function unescape(text) {
  return text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
}

const INLINE = new RegExp([
  "`(?<code>[^`\\n]+)`",
  "<(?<angle>[^<>\\n]+)>",
  ":(?<emoji>[a-z0-9_+-]+):",
  "(?<![\\w*])\\*(?<bold>[^\\s*](?:[^*\\n]*[^\\s*])?)\\*(?![\\w*])",
  "(?<![\\w_])_(?<italic>[^\\s_](?:[^\\n]*?[^\\s_])?)_(?![\\w_])",
  "(?<![\\w~])~(?<strike>[^\\s~](?:[^~\\n]*[^\\s~])?)~(?![\\w~])",
].join("|"), "g");

export function mentionUser(id) {
  const mine = world.state && id === world.me;
  return h("span", { class: `mention${mine ? " me" : ""}` }, `@${person(id).name}`);
}

export function mentionChannel(id) {
  const found = room(id);
  if (!found) return h("span", { class: "mention" }, `#${id}`);
  const go = () => document.dispatchEvent(new CustomEvent("go", { detail: { channel: id } }));
  return h("button", { type: "button", class: "mention", onclick: go }, `#${found.name}`);
}

export function mentionGroup(id) {
  return h("span", { class: "mention" }, `@${world.state.groups[id] || id}`);
}

function pad(number) {
  return String(number).padStart(2, "0");
}

export function dated(seconds, format, fallback) {
  const at = new Date(Number(seconds) * 1000);
  if (Number.isNaN(at.getTime())) return fallback;
  const time = `${pad(at.getHours())}:${pad(at.getMinutes())}`;
  const say = (options) => at.toLocaleDateString([], options);
  const short = say({ day: "numeric", month: "short", year: "numeric" });
  const long = say({ weekday: "long", day: "numeric", month: "long", year: "numeric" });
  const minutes = Math.round((at - Date.now()) / 60000);
  const ago = new Intl.RelativeTimeFormat([], { numeric: "auto" });
  const parts = {
    date_num: `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`,
    date: say({ day: "numeric", month: "long", year: "numeric" }), date_pretty: say({ day: "numeric", month: "long", year: "numeric" }),
    date_short: short, date_short_pretty: short, date_long: long, date_long_pretty: long, date_long_full: long,
    time, time_secs: `${time}:${pad(at.getSeconds())}`,
    ago: Math.abs(minutes) < 60 ? ago.format(minutes, "minute") : Math.abs(minutes) < 2880 ? ago.format(Math.round(minutes / 60), "hour") : ago.format(Math.round(minutes / 1440), "day"),
  };
  return format.replace(/\{(\w+)\}/g, (whole, name) => parts[name] || whole);
}

function special(inside) {
  const [head, fallback] = inside.split("|");
  if (head.startsWith("!date^")) {
    const [, seconds, format, url] = head.split("^");
    const text = dated(seconds, format || "", unescape(fallback || ""));
    const node = h("time", { title: unescape(fallback || "") }, text);
    return url ? link(unescape(url), node) : node;
  }
  if (head.startsWith("!subteam^")) return mentionGroup(head.slice(9));
  return h("span", { class: "mention me" }, `@${head.slice(1)}`);
}

function angle(inside) {
  if (inside[0] === "@") return mentionUser(inside.slice(1).split("|")[0]);
  if (inside[0] === "#") return mentionChannel(inside.slice(1).split("|")[0]);
  if (inside[0] === "!") return special(inside);
  const bar = inside.indexOf("|");
  const url = unescape(bar < 0 ? inside : inside.slice(0, bar));
  return link(url, bar < 0 ? url : inline(inside.slice(bar + 1)));
}

export function inline(text) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(INLINE)) {
    const { code, angle: inside, emoji, bold, italic, strike } = found.groups;
    if (emoji && !EMOJI[emoji]) continue;
    if (found.index > at) nodes.push(unescape(text.slice(at, found.index)));
    at = found.index + found[0].length;
    if (code) nodes.push(h("code", {}, unescape(code)));
    else if (inside) nodes.push(angle(inside));
    else if (emoji) nodes.push(h("span", { class: "emoji", role: "img", "aria-label": emoji.replaceAll("_", " ") }, EMOJI[emoji]));
    else if (bold) nodes.push(h("strong", {}, inline(bold)));
    else if (italic) nodes.push(h("em", {}, inline(italic)));
    else nodes.push(h("s", {}, inline(strike)));
  }
  if (at < text.length) nodes.push(unescape(text.slice(at)));
  return nodes;
}

function lines(text) {
  const nodes = [];
  let quoted = [];
  const flush = () => {
    if (quoted.length) nodes.push(h("blockquote", {}, quoted.flatMap((line, n) => [n ? h("br") : null, inline(line)])));
    quoted = [];
  };
  let after = false;
  for (const line of text.split("\n")) {
    const quote = line.match(/^(?:&gt;|>) ?(.*)$/);
    if (quote) { quoted.push(quote[1]); after = false; continue; }
    if (quoted.length) flush();
    else if (after) nodes.push(h("br"));
    nodes.push(inline(line));
    after = true;
  }
  flush();
  return nodes;
}

export function mrkdwn(text) {
  const parts = String(text).split(/```\n?([\s\S]*?)\n?```/);
  return h("div", { class: "mrkdwn" }, parts.map((part, n) => {
    if (n % 2) return h("pre", {}, unescape(part));
    const trimmed = n ? part.replace(/^\n/, "") : part;
    return trimmed ? lines(n < parts.length - 1 ? trimmed.replace(/\n$/, "") : trimmed) : null;
  }));
}
