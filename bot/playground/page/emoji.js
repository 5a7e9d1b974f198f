// The short codes that bots use most; an unknown one stays as it was written.
export const EMOJI = {
  "+1": "👍", "-1": "👎", alarm_clock: "⏰", arrow_down: "⬇️", arrow_right: "➡️", arrow_up: "⬆️", arrow_lower_right: "↘️",
  arrow_upper_right: "↗️", ballot_box_with_check: "☑️", bank: "🏦", bar_chart: "📊", bell: "🔔", black_square_for_stop: "⏹️",
  bulb: "💡", calendar: "📅", chart_with_downwards_trend: "📉", chart_with_upwards_trend: "📈", clipboard: "📋", clock3: "🕒",
  cloud: "☁️", computer: "💻", construction: "🚧", credit_card: "💳", dollar: "💵", exclamation: "❗", eyes: "👀", fire: "🔥",
  floppy_disk: "💾", gear: "⚙️", green_circle: "🟢", hammer_and_wrench: "🛠️", hand: "✋", heavy_check_mark: "✔️",
  hourglass: "⌛", hourglass_flowing_sand: "⏳", house: "🏠", information_source: "ℹ️", inbox_tray: "📥", key: "🔑",
  large_blue_circle: "🔵", large_green_circle: "🟢", large_orange_circle: "🟠", large_yellow_circle: "🟡", label: "🏷️",
  leftwards_arrow_with_hook: "↩️", link: "🔗", lock: "🔒", mag: "🔍", magnifying_glass: "🔍", memo: "📝", moneybag: "💰",
  money_with_wings: "💸", no_entry: "⛔", no_entry_sign: "🚫", octagonal_sign: "🛑", package: "📦", pencil2: "✏️",
  pushpin: "📌", question: "❓", raised_hand: "✋", raising_hand: "🙋", receipt: "🧾", recycle: "♻️", red_circle: "🔴",
  repeat: "🔁", rewind: "⏪", rocket: "🚀", rotating_light: "🚨", scales: "⚖️", seedling: "🌱", shield: "🛡️",
  snowflake: "❄️", sparkles: "✨", speech_balloon: "💬", stop_sign: "🛑", stopwatch: "⏱️", tada: "🎉", thinking_face: "🤔",
  thread: "🧵", thumbsdown: "👎", thumbsup: "👍", timer_clock: "⏲️", unlock: "🔓", wastebasket: "🗑️", warning: "⚠️",
  wave: "👋", white_check_mark: "✅", white_circle: "⚪", wrench: "🔧", x: "❌", yellow_circle: "🟡", zap: "⚡", zzz: "💤",
};

export function withEmoji(text) {
  return text.replace(/:([a-z0-9_+-]+):/g, (code, name) => EMOJI[name] || code);
}
