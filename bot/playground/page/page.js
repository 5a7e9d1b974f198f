// Puts the page together: where we are, what the server says, and drawing it again when it changes.
import { blocks, context } from "./blocks.js";
import { composer } from "./composer.js";
import { showModals } from "./dialogs.js";
import { h, menu } from "./dom.js";
import { icon } from "./icons.js";
import { MessageList } from "./messages.js";
import { drawSidebar, drawer } from "./sidebar.js";
import { act, person, room, roomName, world } from "./world.js";

const byId = (id) => document.getElementById(id);
const main = new MessageList(byId("messages"), false);
const side = new MessageList(byId("thread-messages"), true);
let homeShown = "";

function remember() {
  const query = new URLSearchParams({ as: world.me, channel: world.channel });
  if (world.thread) query.set("thread", world.thread);
  window.history.replaceState(null, "", `/?${query}`);
}

// Where the address points: ?as=…&channel=…&thread=…, or a permalink /archives/CHANNEL/pTS.
function wanted() {
  const query = new URLSearchParams(window.location.search);
  const link = window.location.pathname.match(/^\/archives\/(\w+)(?:\/p(\d+)(\d{6}))?$/);
  const ts = link?.[2] ? `${link[2]}.${link[3]}` : null;
  return { me: query.get("as") || window.localStorage.getItem("as"), channel: link?.[1] || query.get("channel"),
    thread: query.get("thread") || query.get("thread_ts"), message: ts };
}

function drawHome() {
  const view = world.state.home;
  const key = JSON.stringify([view?.hash, world.me]);
  const list = byId("messages");
  if (key === homeShown && list.querySelector(".home")) return;
  homeShown = key;
  main.forget();
  if (!view) { list.append(h("div", { class: "home" }, h("p", { class: "empty" }, "The app has not made a Home for you yet."))); return; }
  const kept = {};
  const press = (block, thing, value) => act("view_action", { view_id: view.id, block_id: block.block_id, action_id: thing.action_id, value, values: kept });
  list.append(h("div", { class: "home" }, blocks(context(kept, press), view.blocks)));
}

function drawMain() {
  const atHome = world.channel === "home";
  const here = room(world.channel);
  const name = atHome ? `${person(world.state.bot).name} Home` : roomName(here);
  byId("title").textContent = !atHome && here.kind === "channel" ? `# ${name}` : name;
  byId("topic").textContent = atHome ? "Only you see this" : here.kind === "channel" ? [here.topic, `${here.members.length} people`].filter(Boolean).join(" · ") : "Direct message";
  document.title = `${byId("title").textContent} – ${world.state.team}`;
  byId("composer").hidden = atHome;
  byId("shortcuts").hidden = !world.state.global_shortcuts.length;
  const command = world.state.commands[0]?.[0];
  byId("composer-text").placeholder = command ? `Message ${byId("title").textContent.replace("# ", "#")}, or ${command} …` : "Message";
  byId("messages").classList.toggle("is-home", atHome);
  if (atHome) { drawHome(); return; }
  if (byId("messages").querySelector(".home")) main.forget();
  const all = world.state.messages[world.channel];
  main.fill(all.filter((each) => !each.thread_ts || each.broadcast || each.thread_ts === each.ts), "Nothing has been said here yet.");
}

function drawThread() {
  const open = world.thread && world.channel !== "home";
  byId("thread").hidden = !open;
  document.body.classList.toggle("thread-open", Boolean(open));
  if (!open) { side.forget(); return; }
  byId("thread-place").textContent = byId("title").textContent;
  const all = world.state.messages[world.channel];
  side.fill(all.filter((each) => each.ts === world.thread || each.thread_ts === world.thread), "This message is gone.");
}

function draw() {
  drawSidebar();
  drawMain();
  drawThread();
  showModals();
  point();
}

function offerShortcuts() {
  const button = byId("shortcuts");
  menu(button, world.state.global_shortcuts.map(([callback, name]) => ({
    label: name, press: () => act("shortcut", { callback_id: callback }) })), "Shortcuts");
}

// A permalink in a message leads to the place on this page instead of to a second page.
function follow(event) {
  const anchor = event.target.closest?.("a[href]");
  const url = anchor && new URL(anchor.href);
  const at = url?.origin === window.location.origin && url.pathname.match(/^\/archives\/(\w+)\/p(\d+)(\d{6})$/);
  if (!at || !room(at[1])) return;
  event.preventDefault();
  const ts = `${at[2]}.${at[3]}`;
  go({ channel: at[1], thread: url.searchParams.get("thread_ts") || undefined, show: ts });
}

// The message that a link leads to, as soon as it is drawn.
function point() {
  const target = world.show && document.querySelector(`[data-ts="${CSS.escape(world.show)}"]`);
  if (!target) return;
  world.show = null;
  target.scrollIntoView({ block: "center" });
  target.classList.add("found");
}

function markRead() {
  const here = room(world.channel);
  if (here?.unread && document.visibilityState === "visible") act("read", { channel: here.id }, { quiet: true });
}

let loading = false;
let again = false;

async function load() {
  if (loading) { again = true; return; }
  loading = true;
  const asked = world.me;
  try {
    const query = asked ? `?as=${encodeURIComponent(asked)}` : "";
    let reply = await fetch(`/state${query}`);
    if (reply.status === 404) reply = await fetch("/state");
    const state = await reply.json();
    if (asked !== world.me) { loading = false; again = false; await load(); return; }  // somebody else acts by now
    world.state = state;
    world.me = state.me;
    if (world.channel !== "home" && !room(world.channel)) { world.channel = world.state.channels[0].id; world.thread = null; }
    draw();
    markRead();
    byId("live").textContent = "";
  } catch (trouble) {
    byId("live").textContent = "Not connected";
    window.console.error(trouble);
  }
  loading = false;
  if (again) { again = false; load(); }
}

function go({ person: who, channel, thread, show }) {
  if (who && who !== world.me) {
    world.me = who;
    window.localStorage.setItem("as", who);
    main.forget();
    side.forget();
    homeShown = "";
  }
  if (channel && channel !== world.channel) { world.channel = channel; world.thread = null; main.forget(); }
  if (thread !== undefined && thread !== world.thread) { world.thread = thread; side.forget(); }
  if (show) world.show = show;
  drawer(false);
  load().then(() => {
    remember();
    if (thread) byId("thread-text").focus();
    else if (channel && world.channel !== "home" && !document.querySelector("dialog[open]")) byId("composer-text").focus({ preventScroll: true });
    if (world.channel === "home" && (channel || who)) act("home", {}, { quiet: Boolean(world.state.home) });
  });
}

function closeThread() {
  const ts = world.thread;
  go({ thread: null });
  byId("messages").querySelector(`[data-ts="${CSS.escape(ts)}"] .replies`)?.focus();
}

function listen() {
  const source = new EventSource("/events");
  source.onmessage = load;
  source.onerror = () => { byId("live").textContent = "Not connected"; };
}

function start() {
  for (const button of document.querySelectorAll("[data-icon]")) button.append(icon(button.dataset.icon));
  const at = wanted();
  world.me = at.me;
  world.channel = at.channel;
  world.thread = at.thread;
  world.show = at.message;
  composer(byId("composer"), byId("composer-text"), { hints: byId("hints") });
  composer(byId("thread-composer"), byId("thread-text"), { thread: () => world.thread });
  document.addEventListener("go", (event) => go(event.detail));
  document.addEventListener("redraw", draw);
  document.addEventListener("visibilitychange", () => world.state && markRead());
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open], .menu")) return;
    if (document.body.classList.contains("drawer-open")) drawer(false);
    else if (world.thread) closeThread();
  });
  byId("shortcuts").addEventListener("click", offerShortcuts);
  document.addEventListener("click", follow);
  byId("menu").addEventListener("click", () => drawer(true));
  byId("scrim").addEventListener("click", () => drawer(false));
  byId("thread-back").addEventListener("click", closeThread);
  byId("thread-close").addEventListener("click", closeThread);
  load().then(() => {
    if (world.channel === "home") act("home", {}, { quiet: true });
    listen();
  });
}

start();
