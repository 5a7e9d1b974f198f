// Builds DOM nodes. Text only ever becomes text nodes: nothing here parses HTML.

export function h(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "class") node.className = value;
    else if (key in node && typeof value !== "string") node[key] = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  add(node, children);
  return node;
}

export function add(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return node;
}

// Only web and mail addresses become links; `javascript:` and the like stay text.
export function safeUrl(url) {
  return /^(https?:\/\/|mailto:)/i.test(url) ? url : null;
}

export function link(url, ...label) {
  const safe = safeUrl(url);
  if (!safe) return h("span", {}, ...label);
  return h("a", { href: safe, target: "_blank", rel: "noopener noreferrer" }, ...label);
}

// A little menu under a button: arrow keys move, Escape and a press elsewhere close it.
export function menu(button, items, label) {
  const list = h("div", { class: "menu", role: "menu", "aria-label": label });
  const close = () => {
    list.remove();
    button.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
  };
  const outside = (event) => {
    if (!list.contains(event.target) && !button.contains(event.target)) close();
  };
  for (const item of items) {
    const press = () => { close(); button.focus(); item.press(); };
    list.append(h("button", { type: "button", role: "menuitem", class: item.danger ? "danger" : "", onclick: press }, item.label));
  }
  list.addEventListener("keydown", (event) => {
    const all = [...list.children];
    const at = all.indexOf(document.activeElement);
    if (event.key === "Escape") { event.stopPropagation(); event.preventDefault(); close(); button.focus(); }
    else if (event.key === "ArrowDown") { event.preventDefault(); all[(at + 1) % all.length].focus(); }
    else if (event.key === "ArrowUp") { event.preventDefault(); all[(at - 1 + all.length) % all.length].focus(); }
    else if (event.key === "Tab") close();
  });
  (button.closest("dialog") || document.body).append(list);
  const box = button.getBoundingClientRect();
  const size = list.getBoundingClientRect();
  const below = box.bottom + size.height + 8 < window.innerHeight;
  list.style.left = `${Math.max(8, Math.min(box.right - size.width, window.innerWidth - size.width - 8))}px`;
  list.style.top = `${below ? box.bottom + 4 : Math.max(8, box.top - size.height - 4)}px`;
  button.setAttribute("aria-expanded", "true");
  document.addEventListener("pointerdown", outside, true);
  list.firstElementChild?.focus();
}
