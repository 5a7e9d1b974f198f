// rich_text, table and markdown blocks.
import { h, link } from "./dom.js";
import { EMOJI, withEmoji } from "./emoji.js";
import { dated, mentionChannel, mentionGroup, mentionUser } from "./mrkdwn.js";

function styled(node, style) {
  const tags = { bold: "strong", italic: "em", strike: "s", code: "code", underline: "u" };
  return Object.entries(tags).reduce((inner, [key, tag]) => (style?.[key] ? h(tag, {}, inner) : inner), node);
}

function lineBreaks(text) {
  return String(text).split("\n").flatMap((line, n) => (n ? [h("br"), line] : [line]));
}

function piece(thing) {
  const kinds = {
    text: () => styled(h("span", {}, lineBreaks(thing.text)), thing.style),
    link: () => styled(link(thing.url, thing.text || thing.url), thing.style),
    user: () => mentionUser(thing.user_id),
    channel: () => mentionChannel(thing.channel_id),
    usergroup: () => mentionGroup(thing.usergroup_id),
    broadcast: () => h("span", { class: "mention me" }, `@${thing.range}`),
    emoji: () => h("span", { class: "emoji", role: "img", "aria-label": thing.name }, EMOJI[thing.name] || `:${thing.name}:`),
    date: () => h("time", {}, dated(thing.timestamp, thing.format, thing.fallback || "")),
    color: () => h("code", {}, thing.value),
  };
  return (kinds[thing.type] || (() => h("span", { class: "unknown" }, `[${thing.type}]`)))();
}

function part(thing) {
  const inside = () => (thing.elements || []).map(piece);
  if (thing.type === "rich_text_preformatted") return h("pre", {}, inside());
  if (thing.type === "rich_text_quote") return h("blockquote", {}, inside());
  if (thing.type === "rich_text_list") {
    const items = thing.elements.map((item) => h("li", {}, item.elements.map(piece)));
    return h(thing.style === "ordered" ? "ol" : "ul", { class: `indent-${Math.min(thing.indent || 0, 4)}`, start: thing.offset ? thing.offset + 1 : undefined }, items);
  }
  return h("div", { class: "rich-section" }, inside());
}

export function richText(block) {
  return h("div", { class: "rich" }, block.elements.map(part));
}

export function table(block) {
  const settings = block.column_settings || [];
  const cell = (item, column, tag) => {
    const place = settings[column] || {};
    const classes = [`align-${place.align || "left"}`, place.is_wrapped === false ? "nowrap" : ""].join(" ");
    const content = item.type === "rich_text" ? richText(item) : withEmoji(item.text || "");
    return h(tag, { class: classes, scope: tag === "th" ? "col" : undefined }, content);
  };
  const [head, ...rows] = block.rows;
  return h("div", { class: "table-wrap", tabindex: "0", role: "region", "aria-label": "Table" }, h("table", {},
    h("thead", {}, h("tr", {}, head.map((item, n) => cell(item, n, "th")))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((item, n) => cell(item, n, "td")))))));
}

const SPAN = /`([^`]+)`|\*\*(.+?)\*\*|~~(.+?)~~|\[([^\]]+)\]\(([^)\s]+)\)|(?<![\w*])\*([^*\s][^*]*)\*(?!\w)|(?<!\w)_([^_\s][^_]*)_(?!\w)|:([a-z0-9_+-]+):/g;

function spans(text) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(SPAN)) {
    const [whole, code, bold, strike, label, url, star, under, emoji] = found;
    if (emoji && !EMOJI[emoji]) continue;
    nodes.push(text.slice(at, found.index));
    at = found.index + whole.length;
    if (code) nodes.push(h("code", {}, code));
    else if (bold) nodes.push(h("strong", {}, spans(bold)));
    else if (strike) nodes.push(h("s", {}, spans(strike)));
    else if (label) nodes.push(link(url, spans(label)));
    else if (emoji) nodes.push(EMOJI[emoji]);
    else nodes.push(h("em", {}, spans(star || under)));
  }
  nodes.push(text.slice(at));
  return nodes;
}

// Enough Markdown for what an app writes: headings, lists, quotes, code, emphasis, links.
export function markdown(block) {
  const out = h("div", { class: "rich" });
  let list = null;
  for (const [n, chunk] of block.text.split(/^```.*\n([\s\S]*?)^```\s*$/m).entries()) {
    if (n % 2) { out.append(h("pre", {}, chunk.replace(/\n$/, ""))); continue; }
    for (const line of chunk.split("\n")) {
      const item = line.match(/^\s*(?:([-*])|(\d+)\.)\s+(.*)$/);
      if (item) {
        const tag = item[1] ? "UL" : "OL";
        if (list?.tagName !== tag) { list = h(tag); out.append(list); }
        list.append(h("li", {}, spans(item[3])));
        continue;
      }
      list = null;
      const heading = line.match(/^(#{1,6})\s+(.*)$/);
      if (heading) out.append(h("h4", { class: `md-${heading[1].length}` }, spans(heading[2])));
      else if (/^>\s?/.test(line)) out.append(h("blockquote", {}, spans(line.replace(/^>\s?/, ""))));
      else if (/^(---|\*\*\*)\s*$/.test(line)) out.append(h("hr"));
      else if (line.trim()) out.append(h("p", {}, spans(line)));
    }
  }
  return out;
}
