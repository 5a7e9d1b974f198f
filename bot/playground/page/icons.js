// The few line icons of the frame, drawn here so that no icon font and no emoji font is needed.
const PATHS = {
  reply: "M4 5h12a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2H9l-4 3v-3H4a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2z",
  more: "M10 4.5v.01M10 10v.01M10 15.5v.01",
  eye: "M2 10s3-5 8-5 8 5 8 5-3 5-8 5-8-5-8-5zM10 10v.01M12.2 10a2.2 2.2 0 1 1-4.4 0 2.2 2.2 0 0 1 4.4 0z",
  close: "M5 5l10 10M15 5L5 15",
  back: "M12 4l-6 6 6 6",
  send: "M3 10l14-6-5 13-3-6z",
  bolt: "M11 2L4 12h5l-1 6 7-10h-5z",
  menu: "M3 5.5h14M3 10h14M3 14.5h14",
  down: "M5 8l5 5 5-5",
  check: "M4 10.5l4 4 8-9",
};

export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const path = document.createElementNS(space, "path");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("class", `line-icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
