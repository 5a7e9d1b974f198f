// What this page knows: the state as the chosen person sees it, and how to tell the server what they do.
import { toast } from "./toast.js";

export const world = { state: null, me: null, channel: null, thread: null, show: null, dismissed: new Set() };

export const person = (id) => world.state.people[id] || { id, name: id, title: "" };
export const room = (id) => world.state.channels.find((each) => each.id === id);

export function roomName(each) {
  if (each.kind === "channel") return each.name;
  return each.with.map((id) => person(id).name).join(", ");
}

const TROUBLE = {
  operation_timeout: "The bot did not answer within 3 seconds (operation_timeout).",
  connection_failed: "The bot is not running or not reachable.",
  message_not_found: "This message is gone.",
  no_such_element: "This was changed a moment ago; look again.",
};

function trouble(error) {
  const status = error.match(/^http_(\d+)$/);
  return status ? `The bot answered with HTTP status ${status[1]} instead of taking this.` : error;
}

// Sends one gesture and shows what went wrong, if anything did. The answer is {ok, ack_ms, response, …}.
export async function act(gesture, ask, { quiet = false } = {}) {
  let answer;
  try {
    const reply = await fetch(`/do/${gesture}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ as: world.me, ...ask }),
    });
    answer = await reply.json();
  } catch {
    answer = { ok: false, error: "The playground itself does not answer. Is it still running?" };
  }
  if (!answer.ok && !answer.errors && !quiet) {
    toast([TROUBLE[answer.error] || trouble(String(answer.error)), ...(answer.messages || [])].join(" "), "trouble");
  }
  return answer;
}

const palette = ["#b4532a", "#2f6f9f", "#7a4fa3", "#2e7d5b", "#a83f64", "#5b6b2f", "#946b17", "#3f5fb0"];

export function colourOf(id) {
  let sum = 7;
  for (const letter of id) sum = (sum * 33 + letter.codePointAt(0)) % 9973;
  return palette[sum % palette.length];
}

export function initials(name) {
  const words = name.trim().split(/\s+/);
  return (words[0][0] + (words.length > 1 ? words[words.length - 1][0] : "")).toUpperCase();
}

export function clock(ts) {
  return new Date(Number(ts) * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

export function dayName(ts) {
  const day = new Date(Number(ts) * 1000);
  const today = new Date();
  if (day.toDateString() === today.toDateString()) return "Today";
  today.setDate(today.getDate() - 1);
  if (day.toDateString() === today.toDateString()) return "Yesterday";
  return day.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" });
}
