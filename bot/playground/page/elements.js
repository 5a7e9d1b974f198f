// The interactive elements. Each reports what was chosen through `context`, which knows where it stands.
// context: { press(block, element, value), draft(block, element) -> value, keep(block, element, value), live }
import { h, menu } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { mrkdwn } from "./mrkdwn.js";
import { confirmed } from "./dialogs.js";
import { world } from "./world.js";

const plain = (thing) => (thing ? withEmoji(thing.text) : "");
const label = (thing) => (thing.type === "mrkdwn" ? mrkdwn(thing.text) : plain(thing));
let serial = 0;

async function send(context, block, element, value, node) {
  if (element.confirm && !(await confirmed(element.confirm, element.style))) return false;
  node?.setAttribute("aria-busy", "true");
  if (node && "disabled" in node) node.disabled = true;
  await context.press(block, element, value);
  if (node && "disabled" in node) node.disabled = false;
  node?.removeAttribute("aria-busy");
  return true;
}

function changed(context, block, element, value, node) {
  context.keep(block, element, value);
  if (context.live(block)) send(context, block, element, value, node);
}

function button(context, block, element) {
  const node = h("button", {
    type: "button", class: `btn ${element.style || ""}`, "data-action": element.action_id,
    "aria-label": element.accessibility_label,
    onclick: async () => {
      const sent = await send(context, block, element, element.value, node);
      if (sent && element.url) window.open(element.url, "_blank", "noopener,noreferrer");
    },
  }, plain(element.text), element.url ? h("span", { class: "out", "aria-hidden": "true" }, " ↗") : null);
  return node;
}

function overflow(context, block, element) {
  const node = h("button", {
    type: "button", class: "btn overflow", "aria-label": "More actions", "aria-haspopup": "menu", "aria-expanded": "false",
    "data-action": element.action_id,
    onclick: () => menu(node, element.options.map((option) => ({
      label: plain(option.text), press: () => send(context, block, element, option.value, node),
    })), "More actions"),
  }, "⋯");
  return node;
}

function option(each, chosen) {
  return h("option", { value: each.value, selected: each.value === chosen }, plain(each.text));
}

function select(context, block, element, id) {
  const chosen = context.draft(block, element) || "";
  const groups = element.option_groups
    ? element.option_groups.map((group) => h("optgroup", { label: plain(group.label) }, group.options.map((each) => option(each, chosen))))
    : element.options.map((each) => option(each, chosen));
  const node = h("select", { id, "aria-label": plain(element.placeholder) || "Choose", "data-action": element.action_id,
    onchange: () => changed(context, block, element, node.value || null, node) },
    h("option", { value: "", selected: !chosen }, plain(element.placeholder) || "Choose an option"), groups);
  return node;
}

function people() {
  return Object.values(world.state.people).filter((each) => !each.is_bot)
    .map((each) => ({ value: each.id, text: { type: "plain_text", text: each.title ? `${each.name} · ${each.title}` : each.name } }));
}

function usersSelect(context, block, element, id) {
  const placeholder = element.placeholder || { text: "Choose a person" };
  return select(context, block, { ...element, placeholder, options: people() }, id);
}

function choices(context, block, element, kind, options) {
  const name = `choice-${serial += 1}`;
  const chosen = [context.draft(block, element) || []].flat();
  const read = () => [...node.querySelectorAll("input:checked")].map((box) => box.value);
  const node = h("div", { class: "choices", role: kind === "radio" ? "radiogroup" : "group", "data-action": element.action_id },
    options.map((each) => h("label", { class: "choice" },
      h("input", { type: kind, name, value: each.value, checked: chosen.includes(each.value),
        onchange: () => changed(context, block, element, kind === "radio" ? read()[0] : read()) }),
      h("span", {}, label(each.text), each.description ? h("small", {}, label(each.description)) : null))));
  return node;
}

function multi(context, block, element) {
  const options = (element.option_groups || [element]).flatMap((group) => group.options);
  const node = choices(context, block, element, "checkbox", options);
  node.classList.add("boxed");
  return node;
}

function field(context, block, element, props, id) {
  const tag = element.multiline ? "textarea" : "input";
  const node = h(tag, { id, "data-action": element.action_id, placeholder: plain(element.placeholder), ...props,
    oninput: () => context.keep(block, element, node.value),
    onchange: () => { if (element.type === "datepicker") changed(context, block, element, node.value, node); } });
  node.value = context.draft(block, element) ?? "";
  return node;
}

const KINDS = {
  button, overflow,
  static_select: select,
  users_select: usersSelect,
  multi_static_select: multi,
  multi_users_select: (context, block, element) => multi(context, block, { ...element, options: people() }),
  radio_buttons: (context, block, element) => choices(context, block, element, "radio", element.options),
  checkboxes: (context, block, element) => choices(context, block, element, "checkbox", element.options),
  datepicker: (context, block, element, id) => field(context, block, element, { type: "date", "aria-label": "Date" }, id),
  plain_text_input: (context, block, element, id) => field(context, block, element,
    { type: element.multiline ? undefined : "text", rows: element.multiline ? "4" : undefined, maxlength: element.max_length && String(element.max_length) }, id),
  number_input: (context, block, element, id) => field(context, block, element,
    { type: "text", inputmode: element.is_decimal_allowed ? "decimal" : "numeric" }, id),
};

export function element(context, block, thing, id) {
  const kind = KINDS[thing.type];
  return kind ? kind(context, block, thing, id) : h("span", { class: "unknown" }, `[${thing.type} is not shown here]`);
}

// What an element starts with, as a plain value.
export function initial(thing) {
  return thing.initial_value ?? thing.initial_date ?? thing.initial_user ?? thing.initial_users
    ?? thing.initial_option?.value ?? thing.initial_options?.map((each) => each.value) ?? null;
}
