// Block Kit blocks as DOM nodes.
import { h, link, safeUrl } from "./dom.js";
import { element, initial } from "./elements.js";
import { withEmoji } from "./emoji.js";
import { mrkdwn } from "./mrkdwn.js";
import { markdown, richText, table } from "./richtext.js";

let serial = 0;

function words(thing) {
  if (thing.type === "mrkdwn") return mrkdwn(thing.text);
  return h("div", { class: "mrkdwn" }, withEmoji(thing.text).split("\n").flatMap((line, n) => (n ? [h("br"), line] : [line])));
}

function source(thing) {
  if (!thing.slack_file) return thing.image_url;
  if (thing.slack_file.id) return `/files/${encodeURIComponent(thing.slack_file.id)}/picture`;
  return thing.slack_file.url;
}

// Only this machine's pictures are loaded (the policy header says so too); others are shown as a link.
function picture(thing, classes) {
  const url = new URL(source(thing), window.location.href);
  const image = h("img", { class: classes, alt: thing.alt_text, title: thing.alt_text, loading: "lazy" });
  const instead = () => {
    const text = h("span", { class: "no-picture" }, "Picture: ", thing.alt_text);
    image.replaceWith(safeUrl(url.href) && url.origin !== window.location.origin ? link(url.href, text) : text);
  };
  image.addEventListener("error", instead);
  image.src = url.href;
  return image;
}

function section(context, block) {
  return h("div", { class: "section" },
    h("div", { class: "section-text" }, block.text ? words(block.text) : null,
      block.fields ? h("div", { class: "fields" }, block.fields.map(words)) : null),
    block.accessory ? h("div", { class: "accessory" },
      block.accessory.type === "image" ? picture(block.accessory, "thumb") : element(context, block, block.accessory)) : null);
}

function input(context, block) {
  const id = `input-${serial += 1}`;
  const group = /radio|checkbox|multi/.test(block.element.type);
  const node = element(context, block, block.element, id);
  const error = h("p", { class: "error", id: `${id}-error`, role: "alert" });
  const name = [withEmoji(block.label.text), block.optional ? h("span", { class: "optional" }, " (optional)") : null];
  node.setAttribute("aria-describedby", `${id}-error`);
  if (group) node.setAttribute("aria-labelledby", `${id}-label`);
  else node.removeAttribute("aria-label");
  return h("div", { class: "input" },
    group ? h("div", { class: "label", id: `${id}-label` }, name) : h("label", { class: "label", for: id }, name),
    node, block.hint ? h("p", { class: "hint" }, withEmoji(block.hint.text)) : null, error);
}

const KINDS = {
  header: (context, block) => h("h3", { class: "header" }, withEmoji(block.text.text)),
  section,
  context: (context, block) => h("div", { class: "context" },
    block.elements.map((each) => (each.type === "image" ? picture(each, "tiny") : words(each)))),
  divider: () => h("hr"),
  actions: (context, block) => h("div", { class: "actions" }, block.elements.map((each) => element(context, block, each))),
  input,
  image: (context, block) => h("figure", { class: "picture" },
    block.title ? h("figcaption", {}, withEmoji(block.title.text)) : null, picture(block, "large")),
  rich_text: (context, block) => richText(block),
  table: (context, block) => table(block),
  markdown: (context, block) => markdown(block),
};

export function blocks(context, list) {
  return h("div", { class: "blocks" }, list.map((block) => {
    const kind = KINDS[block.type];
    const node = kind ? kind(context, block) : h("p", { class: "unknown" }, `A “${block.type}” block is not shown here.`);
    node.dataset.block = block.block_id || "";
    return node;
  }));
}

// Where elements of one surface keep what was typed until it is sent. `press` sends; `live` says whether a
// change is an action by itself (inputs in a modal are not, unless they ask for it).
export function context(drafts, press) {
  return {
    press,
    draft: (block, thing) => {
      const kept = drafts[block.block_id] || {};
      return thing.action_id in kept ? kept[thing.action_id] : initial(thing);
    },
    keep: (block, thing, value) => { (drafts[block.block_id] ||= {})[thing.action_id] = value; },
    live: (block) => block.type !== "input" || block.dispatch_action === true,
  };
}
