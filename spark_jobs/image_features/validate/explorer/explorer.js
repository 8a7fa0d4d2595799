// The explorer's page: dots on a map, filters, and the photograph that was chosen with its nearest ones.
// What names of photographs and labels hold is only ever set as text.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { Deck, OrthographicView, ScatterplotLayer } = libraries;
  const element = (id) => document.getElementById(id);
  const SIDE = 100, FINEST = 99999, MOST_PICTURES = 140, MOST_LABELS = 300;
  // Okabe and Ito's colors, which people with any color vision tell apart.
  const COLORS = [[0, 114, 178], [230, 159, 0], [0, 158, 115], [213, 94, 0], [86, 180, 233], [204, 121, 167], [240, 228, 66]];
  const OTHER = [154, 160, 166], FAINT = 46;
  const everything = Array.from({ length: data.count }, (_, place) => place);
  const isNew = new Set(data.new || []);
  const groupSizes = new Map();
  for (const group of data.groups || []) if (group >= 0) groupSizes.set(group, (groupSizes.get(group) || 0) + 1);
  const nearest = (() => {
    const bytes = Uint8Array.from(atob(data.nearest), (letter) => letter.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    return (place) => Array.from({ length: data.each }, (_, at) => view.getUint16(2 * (place * data.each + at), true));
  })();

  const state = { map: 0, color: "label", labels: new Set(), splits: new Set(), flags: new Set(), group: -1, chosen: -1 };
  let shown = everything, built = null, view = null, dark = matchMedia("(prefers-color-scheme: dark)");

  const FLAGS = [
    ["suspect", "doubtful", (place) => place in data.notes, Object.keys(data.notes).length],
    ["group", "with a near-duplicate", (place) => data.groups && data.groups[place] >= 0, sum(groupSizes.values())],
    ["new", "new since the last snapshot", (place) => isNew.has(place), isNew.size],
  ].filter(([name]) => (name !== "group" || data.groups) && (name !== "new" || data.new));

  function sum(numbers) { let total = 0; for (const number of numbers) total += number; return total; }
  function source(place) { return data.thumbnails[place] ? `data:image/webp;base64,${data.thumbnails[place]}` : ""; }
  function made(tag, text, parent, attributes = {}) {
    const node = document.createElement(tag);
    if (text !== null) node.textContent = text;
    Object.assign(node, attributes);
    parent.append(node);
    return node;
  }
  function position(place) {
    const places = data.maps[state.map].places;
    return [places[2 * place] / FINEST * SIDE, places[2 * place + 1] / FINEST * SIDE];
  }

  // Colors ------------------------------------------------------------------------------------------------------
  function colorOf() {
    if (state.color === "split") return (place) => COLORS[data.split[place] % COLORS.length];
    const flag = FLAGS.find(([name]) => name === state.color);
    if (flag) return (place) => (flag[2](place) ? COLORS[3] : OTHER);
    const named = state.labels.size ? [...state.labels].sort((one, other) => one - other) : data.labels.map((_, number) => number);
    const colors = new Map(named.slice(0, COLORS.length).map((number, at) => [number, COLORS[at]]));
    return (place) => colors.get(data.label[place]) || OTHER;
  }
  function css(color) { return `rgb(${color.join(",")})`; }

  // Filters -----------------------------------------------------------------------------------------------------
  function filter() {
    const flags = FLAGS.filter(([name]) => state.flags.has(name));
    shown = everything.filter((place) =>
      (!state.labels.size || state.labels.has(data.label[place])) &&
      (!state.splits.size || state.splits.has(data.split[place])) &&
      (state.group < 0 || data.groups[place] === state.group) &&
      flags.every(([, , holds]) => holds(place)));
    const sample = data.count < data.images ? `, a random sample of ${data.images.toLocaleString("en")}` : "";
    element("count").textContent = `${shown.length.toLocaleString("en")} of ${data.count.toLocaleString("en")} photographs${sample}`;
    listLabels();
    redraw();
  }
  function toggled(set, value) { if (!set.delete(value)) set.add(value); filter(); }
  function checkbox(parent, text, count, set, value) {
    const label = made("label", null, element(parent));
    const box = made("input", null, label, { type: "checkbox", checked: false });
    box.addEventListener("change", () => toggled(set, value));
    made("span", text, label, { className: "name" });
    made("small", count.toLocaleString("en"), label);
  }
  function listLabels() {
    const wanted = element("search").value.trim().toLowerCase(), color = colorOf();
    const counts = new Array(data.labels.length).fill(0), firsts = new Map();
    data.label.forEach((number, place) => { counts[number] += 1; if (!firsts.has(number)) firsts.set(number, place); });
    const found = data.labels.map((name, number) => [name, number])
      .filter(([name, number]) => state.labels.has(number) || name.toLowerCase().includes(wanted));
    const focused = document.activeElement && document.activeElement.dataset.label;
    element("labels").replaceChildren();
    for (const [name, number] of found.slice(0, MOST_LABELS)) {
      const button = made("button", null, element("labels"), { type: "button" });
      button.dataset.label = number;
      button.setAttribute("aria-pressed", state.labels.has(number));
      button.addEventListener("click", () => toggled(state.labels, number));
      const swatch = made("span", "", button, { className: "swatch" });
      if (state.color === "label") swatch.style.background = css(color(firsts.get(number)));
      else swatch.hidden = true;
      made("span", name, button, { className: "name" });
      made("small", counts[number].toLocaleString("en"), button);
      if (focused === String(number)) button.focus();
    }
    if (found.length > MOST_LABELS) made("p", `${found.length - MOST_LABELS} more: type a part of the name`, element("labels"), { className: "hint" });
  }

  // The map -----------------------------------------------------------------------------------------------------
  function columns(places, alpha) {
    const color = colorOf(), points = new Float32Array(3 * places.length), colors = new Uint8Array(4 * places.length);
    places.forEach((place, at) => {
      points.set(position(place), 3 * at);
      colors.set([...(alpha === FAINT ? OTHER : color(place)), alpha], 4 * at);
    });
    return { length: places.length, attributes: { getPosition: { value: points, size: 3 }, getFillColor: { value: colors, size: 4, normalized: true } } };
  }
  function dots(id, data, more) {
    const radius = Math.min(9, Math.max(2.5, 2.5 + (view.zoom - start().zoom)));
    return new ScatterplotLayer({ id, data, radiusUnits: "pixels", getRadius: radius, updateTriggers: { getRadius: radius }, ...more });
  }
  function rings(id, places, radius, width) {
    const ink = dark.matches ? [255, 255, 255, 255] : [20, 20, 20, 255];
    return new ScatterplotLayer({
      id, data: places, getPosition: (place) => position(place), filled: false, stroked: true, getLineColor: ink,
      radiusUnits: "pixels", getRadius: radius, lineWidthUnits: "pixels", getLineWidth: width, updateTriggers: { getPosition: state.map, getLineColor: dark.matches },
    });
  }
  function start() {
    const box = element("map").getBoundingClientRect();
    return { target: [SIDE / 2, SIDE / 2, 0], zoom: Math.log2(Math.max(50, Math.min(box.width, box.height) - 40) / SIDE), minZoom: -2, maxZoom: 14 };
  }
  view = start();
  const map = new Deck({
    parent: element("map"), views: new OrthographicView({ id: "map", flipY: false }), controller: { keyboard: false, doubleClickZoom: false },
    viewState: view, layers: [], pickingRadius: 6, getCursor: ({ isHovering }) => (isHovering ? "pointer" : "grab"),
    onViewStateChange: ({ viewState }) => { view = viewState; draw(); },
    onHover: ({ index, x, y }) => tip(index >= 0 && built ? built.order[index] : -1, x, y),
    onError: (error) => {
      if (element("failure")) return;
      made("p", `The map cannot be drawn: this browser gives no WebGL2 (${error.message}). Turn on hardware acceleration, or use another browser.`, element("stage"), { id: "failure" });
    },
  });
  // What changes with filters, colors and the map, and not with each movement.
  function build() {
    const color = colorOf(), inside = new Set(shown), hasRings = !state.flags.has("suspect") && state.color !== "suspect";
    // Those that have a color lie on top.
    const order = [...shown.filter((place) => color(place) === OTHER), ...shown.filter((place) => color(place) !== OTHER)];
    return {
      order,
      others: columns(shown.length < everything.length ? everything.filter((place) => !inside.has(place)) : [], FAINT),
      shown: columns(order, 215),
      doubtful: hasRings ? shown.filter((place) => place in data.notes) : [],
    };
  }
  function redraw() { built = null; draw(); }
  // deck.gl's own click is lost where a slow machine draws for longer than a tap may last.
  let pressed = [0, 0];
  element("map").addEventListener("pointerdown", (event) => { pressed = [event.clientX, event.clientY]; }, true);
  element("map").addEventListener("click", (event) => {
    if (Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) > 5) return;
    const box = element("map").getBoundingClientRect();
    const found = map.pickObject({ x: event.clientX - box.left, y: event.clientY - box.top, radius: 6, layerIds: ["shown"] });
    if (found && found.index >= 0 && built) choose(built.order[found.index]);
  });
  let waiting = false;
  function draw() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      built ??= build();
      const layers = [dots("others", built.others, {}), dots("shown", built.shown, { pickable: true }), rings("doubtful", built.doubtful, 5, 1)];
      if (state.chosen >= 0) layers.push(rings("nearest", nearest(state.chosen), 7, 1.5), rings("chosen", [state.chosen], 11, 3));
      map.setProps({ viewState: view, layers });
      element("about").textContent = `${data.maps[state.map].name}: ${data.maps[state.map].about}.${built.doubtful.length ? " A ring means doubtful." : ""}`;
      pictures();
    });
  }
  function screen(place) {
    const box = element("map").getBoundingClientRect(), [x, y] = position(place), scale = 2 ** view.zoom;
    return [box.width / 2 + (x - view.target[0]) * scale, box.height / 2 - (y - view.target[1]) * scale];
  }
  // Where few dots are in view, each becomes its photograph.
  function pictures() {
    const box = element("map").getBoundingClientRect(), layer = element("pictures"), seen = [];
    for (const place of view.zoom > start().zoom + 1 || shown.length <= MOST_PICTURES ? shown : []) {
      const [x, y] = screen(place);
      if (x > 0 && y > 0 && x < box.width && y < box.height) seen.push([place, x, y]);
      if (seen.length > MOST_PICTURES) break;
    }
    const fit = seen.length <= MOST_PICTURES ? seen : [], color = colorOf();
    while (layer.children.length > fit.length) layer.lastChild.remove();
    while (layer.children.length < fit.length) made("img", null, layer, { alt: "" });
    fit.forEach(([place, x, y], at) => {
      const picture = layer.children[at];
      if (picture.dataset.place !== String(place)) { picture.dataset.place = place; picture.src = source(place); }
      Object.assign(picture.style, { left: `${x}px`, top: `${y}px`, borderColor: css(color(place)) });
    });
  }
  function tip(place, x, y) {
    const box = element("tip");
    box.hidden = place < 0;
    if (place < 0) return;
    framed(box.firstElementChild, place);
    box.lastElementChild.textContent = `${data.labels[data.label[place]]}${place in data.notes ? ` – ${data.notes[place]}` : ""}`;
    const stage = element("stage").getBoundingClientRect();
    box.style.left = `${x + 170 > stage.width ? x - 166 : x + 16}px`;
    box.style.top = `${Math.max(4, Math.min(y - 60, stage.height - box.offsetHeight - 4))}px`;
  }
  // Thumbnails are squares that the network saw; they are shown in the proportions of the photograph.
  function framed(image, place) { image.src = source(place); image.style.aspectRatio = `${data.widths[place] || 1} / ${data.heights[place] || 1}`; }

  // The photograph that was chosen ------------------------------------------------------------------------------
  function choose(place) {
    state.chosen = place;
    const panel = element("photograph");
    panel.replaceChildren();
    const figure = made("figure", null, panel);
    framed(made("img", null, figure, { alt: data.paths[place] }), place);
    made("h2", data.labels[data.label[place]], panel);
    if (place in data.notes) made("p", data.notes[place], panel, { className: "doubt" });
    const facts = made("dl", null, panel), group = data.groups ? data.groups[place] : -1;
    const rows = [["split", data.splits[data.split[place]]], ["path", data.paths[place]], ["below", data.folder]];
    rows.push(["size", `${data.widths[place]} × ${data.heights[place]} pixels`]);
    if (data.new) rows.push(["new", isNew.has(place) ? "since the last snapshot" : "no"]);
    for (const [name, value] of rows) { made("dt", name, facts); made("dd", value, facts); }
    if (group >= 0) {
      const text = state.group === group ? "Show all again" : `Show its group of ${groupSizes.get(group)} near-duplicates`;
      const button = made("button", text, panel, { type: "button", className: "link" });
      button.addEventListener("click", () => { state.group = state.group === group ? -1 : group; filter(); choose(place); });
    }
    made("h3", `The ${data.each} nearest`, panel);
    const grid = made("div", null, panel, { id: "nearest" });
    for (const other of nearest(place)) {
      const same = data.label[other] === data.label[place], name = data.labels[data.label[other]];
      const button = made("button", null, grid, { type: "button", className: same ? "" : "other", title: data.paths[other] });
      made("img", null, button, { src: source(other), alt: "" });
      made("span", same ? name : `≠ ${name}`, button);
      button.addEventListener("click", () => { choose(other); bring(other); });
    }
    draw();
  }
  function bring(place) {
    const box = element("map").getBoundingClientRect(), [x, y] = screen(place);
    if (x < 20 || y < 20 || x > box.width - 20 || y > box.height - 20) { view = { ...view, target: [...position(place), 0] }; draw(); }
  }
  function step(by) {
    if (!shown.length) return;
    const at = shown.indexOf(state.chosen);
    const place = shown[at < 0 ? 0 : (at + by + shown.length) % shown.length];
    choose(place);
    bring(place);
  }
  element("map").addEventListener("keydown", (event) => {
    const far = 60 / 2 ** view.zoom, moves = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, far], ArrowDown: [0, -far] };
    const key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in moves) view = { ...view, target: [view.target[0] + moves[event.key][0], view.target[1] + moves[event.key][1], 0] };
    else if (key === "+" || key === "=") view = { ...view, zoom: Math.min(view.zoom + 0.5, 14) };
    else if (key === "-") view = { ...view, zoom: Math.max(view.zoom - 0.5, -2) };
    else if (key === "n") step(1);
    else if (key === "p") step(-1);
    else if (key === "escape") { state.chosen = -1; tip(-1); }
    else return;
    event.preventDefault();
    draw();
  });

  // What can be chosen ------------------------------------------------------------------------------------------
  data.maps.forEach((drawn, number) => {
    const label = made("label", null, element("maps"));
    const radio = made("input", null, label, { type: "radio", name: "map", checked: number === state.map });
    radio.addEventListener("change", () => { state.map = number; view = start(); redraw(); });
    label.append(` ${drawn.name}`);
  });
  for (const [name, text] of [["label", "label"], ["split", "split"], ...FLAGS]) made("option", text, element("color"), { value: name });
  element("color").addEventListener("change", (event) => { state.color = event.target.value; listLabels(); redraw(); });
  for (const [name, text, , count] of FLAGS) checkbox("flags", text, count, state.flags, name);
  if (data.whyNoNew) made("p", `What is new is not known: ${data.whyNoNew}.`, element("flags"), { className: "hint" });
  data.splits.forEach((name, number) => checkbox("splits", name, data.split.filter((split) => split === number).length, state.splits, number));
  element("search").addEventListener("input", listLabels);
  element("reset").addEventListener("click", () => {
    state.labels.clear(); state.splits.clear(); state.flags.clear();
    Object.assign(state, { group: -1, chosen: -1 });
    element("search").value = "";
    document.querySelectorAll("#filters input[type=checkbox]").forEach((box) => { box.checked = false; });
    view = start();
    filter();
  });
  addEventListener("resize", draw);
  dark.addEventListener("change", redraw);
  filter();
  // For tests, and for a person at the browser's console.
  window.explorer = { data, state, screen, shown: () => shown, choose };
})();
