// The sidebar: who you are, the channels, the direct messages and the app's Home.
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { avatar } from "./messages.js";
import { person, roomName, world } from "./world.js";

function go(detail) {
  document.dispatchEvent(new CustomEvent("go", { detail }));
}

function row(id, icon, name, unread, picture) {
  const here = world.channel === id;
  return h("button", { type: "button", class: `row ${here ? "here" : ""} ${unread ? "unread" : ""}`, "aria-current": here ? "page" : undefined,
    "data-room": id, onclick: () => go({ channel: id }) },
    picture || h("span", { class: "row-icon", "aria-hidden": "true" }, icon), h("span", { class: "row-name" }, name),
    unread ? h("span", { class: "badge", "aria-label": `${unread} unread` }, unread > 99 ? "99+" : unread) : null);
}

function switcher() {
  const me = person(world.me);
  const button = h("button", { type: "button", class: "who", "aria-haspopup": "true", "aria-expanded": "false" },
    avatar(me), h("span", { class: "who-text" }, h("small", {}, "Acting as"), h("strong", {}, me.name), h("span", {}, me.title)), icon("down"));
  const list = h("div", { class: "who-list", role: "group", "aria-label": "Act as", hidden: true },
    Object.values(world.state.people).filter((each) => !each.is_bot).map((each) => h("button", {
      type: "button", class: `who-option ${each.id === world.me ? "here" : ""}`, "aria-pressed": String(each.id === world.me),
      onclick: () => go({ person: each.id }) },
      avatar(each), h("span", { class: "who-text" }, h("strong", {}, each.name), h("span", {}, each.title)), each.id === world.me ? icon("check") : null)));
  button.addEventListener("click", () => {
    list.hidden = !list.hidden;
    button.setAttribute("aria-expanded", String(!list.hidden));
    if (!list.hidden) list.querySelector("button").focus();
  });
  list.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    list.hidden = true;
    button.setAttribute("aria-expanded", "false");
    button.focus();
  });
  return h("div", { class: "switcher" }, button, list);
}

let drawn = "";
let chooser = { key: "", node: null };

// Kept while it says the same: a message that arrives must not close the list that somebody just opened.
function keptSwitcher() {
  const key = JSON.stringify([world.me, Object.values(world.state.people)]);
  if (key !== chooser.key) chooser = { key, node: switcher() };
  return chooser.node;
}

export function drawSidebar() {
  const { channels, team, bot, version, ...rest } = world.state;
  const key = JSON.stringify([channels, team, bot, world.me, world.channel, Object.keys(rest.people).length]);
  if (key === drawn) return;
  drawn = key;
  const nav = document.getElementById("sidebar");
  const active = document.activeElement;
  const focused = nav.contains(active) ? active.dataset.room : null;
  const rooms = channels.filter((each) => each.kind === "channel");
  const direct = channels.filter((each) => each.kind === "dm");
  const home = person(bot);
  nav.replaceChildren(
    h("div", { class: "team" }, h("img", { src: "/page/icon.svg", alt: "", width: "28", height: "28" }), h("div", {}, h("strong", {}, team), h("small", {}, "a local stand-in for Slack"))),
    keptSwitcher(),
    h("div", { class: "rooms" },
      h("h2", {}, "Channels"), rooms.map((each) => row(each.id, "#", each.name, each.unread)),
      h("h2", {}, "Direct messages"),
      direct.length ? direct.map((each) => row(each.id, "", roomName(each), each.unread, avatar(person(each.with[0]), "mini"))) : h("p", { class: "quiet" }, "None yet"),
      h("h2", {}, "Apps"), row("home", "", `${home.name} Home`, 0, avatar(home, "mini"))));
  if (chooser.node.contains(active)) active.focus();
  if (focused) nav.querySelector(`[data-room="${CSS.escape(focused)}"]`)?.focus();
}

export function drawer(openIt) {
  document.body.classList.toggle("drawer-open", openIt);
  document.getElementById("scrim").hidden = !openIt;
  document.getElementById("menu").setAttribute("aria-expanded", String(openIt));
  if (openIt) document.querySelector("#sidebar button")?.focus();
}
