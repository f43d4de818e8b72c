// Shoal's page: one picture of the fleet at first, then changes as server-sent events. Whatever machines and publishers call themselves is
// text, and is only ever set as text.

// --- elements

const svgNames = "http://www.w3.org/2000/svg";

function fill(node, props, children) {
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "width%") node.style.width = value + "%";
    else if (key === "top") node.style.top = value + "px";
    else if (key === "height") node.style.height = value + "px";
    else node.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return node;
}
const h = (tag, props, ...children) => fill(document.createElement(tag), props, children);
const s = (tag, props, ...children) => fill(document.createElementNS(svgNames, tag), props, children);

// Makes `old` look like `next` and keeps what is the same: focus, scroll positions and selections stay.
function morph(old, next) {
  if (old.nodeType !== next.nodeType || old.nodeName !== next.nodeName || old.dataset?.key !== next.dataset?.key) {
    old.replaceWith(next);
    return;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== next.data) old.data = next.data;
    return;
  }
  if (old.dataset?.own && next.dataset?.own) return; // it draws itself
  for (const { name } of [...old.attributes]) if (name !== "style" && name !== "open" && !next.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of next.attributes) if (name !== "style" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  if (old.style.cssText !== next.style.cssText) old.style.cssText = next.style.cssText;
  const wanted = [...next.childNodes];
  wanted.forEach((child, i) => (i < old.childNodes.length ? morph(old.childNodes[i], child) : old.append(child)));
  while (old.childNodes.length > wanted.length) old.lastChild.remove();
}

// --- words

const units = ["B", "kB", "MB", "GB", "TB", "PB"];
function bytes(n) {
  let unit = 0;
  while (n >= 999.5 && unit < units.length - 1) n /= 1000, unit++;
  return (unit === 0 || n >= 99.5 ? Math.round(n) : n.toFixed(n >= 9.95 ? 1 : 2)) + " " + units[unit];
}
const rate = (n) => bytes(n) + "/s";
const count = (n) => n.toLocaleString("en");
const plural = (n, one, many) => count(n) + " " + (n === 1 ? one : (many ?? one + "s"));
function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return s + " s";
  if (s < 3600) return Math.floor(s / 60) + " min" + (s < 600 && s % 60 ? " " + (s % 60) + " s" : "");
  if (s < 172800) return Math.floor(s / 3600) + " h" + (s < 36000 && Math.floor((s % 3600) / 60) ? " " + Math.floor((s % 3600) / 60) + " min" : "");
  return Math.floor(s / 86400) + " days";
}
const when = (t) => new Date(t * 1000).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
const clock = (t) => new Date(t * 1000).toLocaleTimeString("en-GB");
const percent = (part, whole) => (whole > 0 ? Math.min(100, (100 * part) / whole) : 0);
const whole = (p) => (p > 0 && p < 1 ? "<1" : p < 100 && p > 99 ? "99" : String(Math.round(p))) + " %";

// --- what is known

const fleet = { name: "", machines: new Map(), releases: new Map(), curves: new Map(), channels: [], health: [], events: [], tracker: {}, skew: 0 };
const shown = { search: "", site: "", state: "", sort: "name", down: false, ids: [], active: -1, details: new Map() };
const now = () => Date.now() / 1000 + fleet.skew;

const silentAfter = 300;
const glyphs = { activating: "◐", ready: "○", verified: "◐", wanted: "○", joined: "○", active: "●", complete: "●", fetching: "◐", waiting: "○", failed: "✕", stalled: "▲", silent: "▽", revoked: "⊘", idle: "·", error: "✕", warning: "▲" };
const calm = { activating: "fetching", ready: "waiting", verified: "fetching", wanted: "waiting", active: "complete", complete: "complete", fetching: "fetching", waiting: "waiting", failed: "failed" };

function moving(m) {
  return (m.moves ?? []).find((x) => x.done < x.size);
}
// The state of a machine in one word: the worst first. Only silence comes with time; the rest is known when its row comes.
function stateOf(m, at) {
  const stays = !m.revoked && m.role !== "publisher" && m.role !== "admin";
  return stays && (!m.seen || m.seen + silentAfter < at) ? "silent" : m.doing;
}
function doingOf(m) {
  if (m.revoked) return "revoked";
  const subs = m.subs ?? [];
  if (subs.some((x) => x.phase === "failed")) return "failed";
  const move = moving(m);
  if (subs.some((x) => x.stall) || move?.stall) return "stalled";
  if (move || subs.some((x) => x.phase === "fetching") || (m.serves ?? []).some((x) => !x[1])) return "fetching";
  if (subs.some((x) => x.phase !== "active" && x.phase !== "idle")) return "waiting";
  if (subs.some((x) => x.phase === "active")) return "active";
  return (m.moves ?? []).length || (m.serves ?? []).length ? "complete" : "idle";
}
function progressOf(m) {
  const moves = (m.moves ?? []).filter((x) => x.done < x.size), sum = (key) => moves.reduce((all, x) => all + x[key], 0);
  if (moves.length) return percent(sum("done"), sum("size"));
  const sub = (m.subs ?? []).find((x) => x.phase === "fetching" && x.size);
  if (sub) return percent(sub.done, sub.size);
  return (m.moves ?? []).length || (m.serves ?? []).some((x) => x[1]) || (m.subs ?? []).some((x) => x.active) ? 100 : null;
}
function versionOf(m) {
  const short = (model) => model.slice(model.indexOf("/") + 1);
  const changes = (x) => Boolean(x.wv) && x.wv !== x.av;
  const subs = [...(m.subs ?? [])].sort((a, b) => changes(b) - changes(a)).map((x) => short(x.m) + (x.av ? " " + x.av : "") + (changes(x) ? " → " + x.wv : ""));
  if (subs.length) return subs.join(", ");
  const keys = new Set([...(m.moves ?? []).map((x) => x.r), ...(m.serves ?? []).map((x) => x[0])]);
  return [...keys].map((r) => short(titleOf(r)).replace("@", " ")).join(", ");
}
const titleOf = (r) => (fleet.releases.has(r) ? fleet.releases.get(r).model + "@" + fleet.releases.get(r).version : r);
const rateOf = (m) => (m.moves ?? []).reduce((sum, x) => sum + x.rate, 0);
const nameOf = (id) => fleet.machines.get(id)?.name ?? id;
const siteName = (site) => site || "no site";

// A machine with what the list needs of it, made once for each change.
function keep(m) {
  const before = fleet.machines.get(m.id);
  if (before?.name === m.name) m.rank = before.rank;
  else fleet.ranked = false;
  m.doing = doingOf(m);
  m.version = versionOf(m);
  m.progress = progressOf(m);
  m.rate = rateOf(m);
  m.text = `${m.name} ${m.id} ${m.site} ${m.role} ${m.version} ${(m.subs ?? []).map((x) => x.m + ":" + x.c).join(" ")}`.toLowerCase();
  fleet.machines.set(m.id, m);
}

function takePicture(p) {
  fleet.name = p.fleet;
  for (const key of ["machines", "releases", "curves"]) fleet[key].clear();
  fleet.ranked = false;
  p.releases.forEach((r) => fleet.releases.set(r.r, r));
  p.machines.forEach(keep);
  Object.entries(p.curves).forEach(([r, points]) => fleet.curves.set(r, points));
  Object.assign(fleet, { channels: p.channels, health: p.health, events: p.events, tracker: p.tracker, skew: p.now - Date.now() / 1000 });
  fleet.pictured = true;
}
const mostPoints = 1500, mostEvents = 200;
function takeChange(c) {
  c.gone?.forEach((id) => fleet.machines.delete(id));
  c.releases?.forEach((r) => fleet.releases.set(r.r, r));
  if (c.listed) for (const r of [...fleet.releases.keys()]) if (!c.listed.includes(r)) fleet.releases.delete(r);
  c.machines?.forEach(keep);
  for (const [r, points] of Object.entries(c.curves ?? {})) {
    let all = (fleet.curves.get(r) ?? []).concat(points);
    if (all.length > mostPoints) all = all.filter((_, i) => i % 2 === 0 || i === all.length - 1);
    fleet.curves.set(r, all);
  }
  if (c.channels) fleet.channels = c.channels;
  if (c.health) fleet.health = c.health;
  if (c.tracker) fleet.tracker = c.tracker;
  if (c.events) fleet.events = fleet.events.concat(c.events).slice(-mostEvents);
  fleet.skew = c.now - Date.now() / 1000;
  const seen = routeOf();
  if (seen.view === "machine" && c.machines?.some((m) => m.id === seen.rest)) look(`/api/machines/${seen.rest}`);
  if (seen.view === "channels" && c.channels) shown.details.clear();
}

// --- parts

const state = (word, extra) => h("span", { class: `state ${calm[word] ?? word}` }, h("b", { "aria-hidden": "true" }, glyphs[word] ?? "·"), extra ?? word);
const bar = (share, label, kind) =>
  h("div", { class: "bar", role: "img", "aria-label": label }, h("i", { class: kind, "width%": share.toFixed(1) }));
function stacked(parts, label) {
  const sum = parts.reduce((all, part) => all + part.n, 0);
  return h("div", { class: "bar tall", role: "img", "aria-label": label }, parts.filter((x) => x.n > 0).map((x) => h("i", { class: x.kind, "data-key": x.kind, "width%": percent(x.n, sum).toFixed(2) })));
}
const legend = (parts) => h("ul", { class: "legend" }, parts.map((x) => h("li", { class: x.kind }, x.word, " ", h("strong", null, x.text))));
const stats = (...rows) => h("dl", { class: "stats" }, rows.filter(Boolean).map(([word, value, small]) => h("div", null, h("dt", null, word), h("dd", null, value, small ? [" ", h("small", null, small)] : null))));
const card = (title, side, ...body) => h("section", { class: "card" }, h("header", null, h("h2", null, title), side ? h("span", { class: "muted" }, side) : null), ...body);
const place = (size, node) => (node.classList.add("span" + size), node);
const machineLink = (id) => h("a", { href: "#machine/" + id }, nameOf(id));
const facts = (rows) => h("dl", { class: "facts" }, rows.filter((x) => x && x[1] !== "" && x[1] !== undefined).map(([word, value]) => [h("dt", null, word), h("dd", null, value)]));
// Wide tables scroll by themselves, with the keyboard too.
// On a phone each row is a block whose cells have their heading beside them; the roles keep it a table for screen readers.
function table(label, heads, rows, kind) {
  for (const row of rows) {
    row.setAttribute("role", "row");
    [...row.cells].forEach((cell, i) => fill(cell, { role: "cell", "data-head": heads[i].replace(">", "") }, []));
  }
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, h("table", { class: "stacks" + (kind ? " " + kind : ""), role: "table" },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, heads.map((x) => h("th", { scope: "col", role: "columnheader", class: x.startsWith(">") ? "num" : null }, x.replace(">", ""))))),
    h("tbody", { role: "rowgroup" }, rows)));
}

// --- fleet

function tally() {
  const at = now(), counts = new Map();
  for (const m of fleet.machines.values()) {
    m.state = stateOf(m, at);
    counts.set(m.state, (counts.get(m.state) ?? 0) + 1);
  }
  return counts;
}
const worst = ["failed", "revoked", "stalled", "silent", "fetching", "waiting", "active", "complete", "idle"];
// Comparing names as people sort them is slow, so each name gets its rank when names change; after that, numbers are compared.
const compareNames = new Intl.Collator("en", { numeric: true }).compare;
function rankNames() {
  if (fleet.ranked) return;
  [...fleet.machines.values()].sort((a, b) => compareNames(a.name, b.name) || (a.id < b.id ? -1 : 1)).forEach((m, i) => (m.rank = i));
  fleet.ranked = true;
}
function ranksOf(key) {
  const words = [...new Set([...fleet.machines.values()].map((m) => m[key]))].sort(compareNames);
  const ranks = new Map(words.map((word, i) => [word, i]));
  return (m) => ranks.get(m[key]);
}
const sorts = {
  name: (m) => m.rank, state: (m) => worst.indexOf(m.state), progress: (m) => m.progress ?? -1, rate: (m) => m.rate,
  seen: (m) => m.seen ?? 0, cert: (m) => m.cert, disk: (m) => (m.disk ? m.free / m.disk : 2),
};
function choose() {
  rankNames();
  const words = shown.search.toLowerCase().split(/\s+/).filter(Boolean), of = sorts[shown.sort] ?? ranksOf(shown.sort);
  const rows = [];
  for (const m of fleet.machines.values())
    if ((!shown.site || siteName(m.site) === shown.site) && (!shown.state || m.state === shown.state) && words.every((w) => m.text.includes(w))) rows.push([of(m), m]);
  const sign = shown.down ? -1 : 1;
  rows.sort(([a, x], [b, y]) => sign * (a - b) || x.rank - y.rank);
  const active = shown.ids[shown.active];
  shown.ids = rows.map(([, m]) => m.id);
  shown.active = active === undefined ? -1 : shown.ids.indexOf(active);
}

const columns = [["name", "Machine"], ["site", "Site"], ["state", "State"], ["version", "Version"], ["progress", "Progress"], ["rate", "Rate", true], ["seen", "Seen", true], ["cert", "Certificate", true], ["disk", "Disk free", true]];
function heading([key, word, num]) {
  const sorted = shown.sort === key ? (shown.down ? "descending" : "ascending") : null;
  return h("div", { role: "columnheader", class: `c-${key}` + (num ? " num" : ""), "aria-sort": sorted },
    h("button", { type: "button", "data-act": "sort", "data-arg": key }, word, sorted ? h("span", { "aria-hidden": "true" }, shown.down ? " ↓" : " ↑") : null));
}
function fleetRow(m, index, height, at) {
  const cell = (key, num, ...text) => h("div", { role: "gridcell", class: `c-${key}` + (num ? " num" : "") }, text);
  const progress = m.progress === null ? "" : whole(m.progress);
  return h("div", { class: "row" + (index === shown.active ? " active" : ""), role: "row", id: "row-" + m.id, "aria-rowindex": index + 2, "aria-selected": index === shown.active ? "true" : "false", "data-key": m.id, "data-act": "open", "data-arg": m.id, top: index * height },
    cell("name", false, h("a", { href: "#machine/" + m.id, tabindex: "-1" }, m.name), m.role === "node" ? null : [" ", h("span", { class: "tag" }, m.role)]),
    cell("site", false, m.site),
    h("div", { role: "gridcell", class: "c-state" }, state(m.state)),
    h("div", { role: "gridcell", class: "c-version", title: m.version }, m.version),
    h("div", { role: "gridcell", class: "progress" }, m.progress === null ? null : [bar(m.progress, progress + " complete", m.progress >= 100 ? "complete" : null), h("span", null, progress)]),
    cell("rate", true, m.rate ? rate(m.rate) : ""),
    cell("seen", true, m.seen ? span(at - m.seen) : "never"),
    cell("cert", true, m.cert > at ? span(m.cert - at) : "ended"),
    cell("disk", true, m.disk ? bytes(m.free) : ""));
}
function drawRows() {
  const rows = document.getElementById("rows");
  if (!rows) return;
  const height = matchMedia("(max-width: 700px)").matches ? 64 : 40, at = now();
  const first = Math.max(0, Math.floor(rows.scrollTop / height) - 4), last = Math.min(shown.ids.length, first + Math.ceil(rows.clientHeight / height) + 9);
  const space = h("div", { class: "space", role: "rowgroup", height: shown.ids.length * height });
  morph(rows.firstElementChild, h("div", { role: "rowgroup", class: "heads" }, h("div", { class: "cols", role: "row", "aria-rowindex": 1 }, columns.map(heading))));
  rows.setAttribute("aria-rowcount", shown.ids.length + 1);
  for (let i = first; i < last; i++) space.append(fleetRow(fleet.machines.get(shown.ids[i]), i, height, at));
  if (!shown.ids.length) space.append(h("div", { class: "empty", role: "row" }, h("div", { role: "gridcell" }, fleet.machines.size ? "No machine fits the search." : "No machine has joined yet: make a token with 'shoal token create --role node'.")));
  morph(rows.lastElementChild, space);
  if (shown.active >= 0) rows.setAttribute("aria-activedescendant", "row-" + shown.ids[shown.active]);
  else rows.removeAttribute("aria-activedescendant");
}
function fleetView() {
  const counts = tally();
  choose();
  const all = [...fleet.machines.values()].filter((m) => m.role === "node" || m.role === "seeder");
  const up = all.filter((m) => m.state !== "silent" && m.state !== "revoked").length;
  const sites = [...new Set([...fleet.machines.values()].map((m) => siteName(m.site)))].sort();
  const errors = fleet.health.filter((x) => x.severity === "error").length;
  const select = (name, label, first, options) =>
    h("select", { "aria-label": label, "data-change": name }, h("option", { value: "" }, first), options.map(([value, text]) => h("option", { value, selected: shown[name] === value }, text)));
  return h("div", { class: "view full", "data-key": "fleet" },
    h("h1", { class: "hide" }, "Fleet"),
    stats(["Machines up", count(up), "of " + count(all.length)], ["Fetching", count(counts.get("fetching") ?? 0)], ["Arriving now", rate(all.reduce((sum, m) => sum + m.rate, 0))],
      ["Failed", count(counts.get("failed") ?? 0)], ["Needs attention", count(errors), plural(fleet.health.length - errors, "warning")]),
    h("div", { class: "toolbar" },
      h("input", { type: "search", placeholder: "Search machines, sites, models", "aria-label": "Search machines", "data-input": "search", id: "search" }),
      select("site", "Site", "All sites", sites.map((x) => [x, x])),
      select("state", "State", "All states", worst.filter((x) => counts.has(x)).map((x) => [x, `${x} (${count(counts.get(x))})`])),
      h("span", { class: "muted", role: "status" }, plural(shown.ids.length, "machine"))),
    h("div", { class: "card fleet" },
      h("div", { class: "rows", id: "rows", tabindex: "0", role: "grid", "aria-label": "Machines", "data-own": "rows" }, h("div", { role: "rowgroup" }), h("div", { class: "space", role: "rowgroup" }))));
}

// --- a release on its way

const standings = (share) => [["complete", "complete"], ["fetching", "fetching"], ["waiting", "waiting"], ["failed", "failed"]].map(([kind, word]) => ({ kind, word, n: share[kind], text: count(share[kind]) }));
const origins = (r) => [["src", "Source", r.src], ["peer", "Peers", r.peer], ["mirror", "Mirrors", r.mirror], ["reused", "Reused", r.reused]].map(([kind, word, n]) => ({ kind, word, n, text: bytes(n) }));

// Those that move come first, then those that somebody has, then the newest.
function releasesInOrder() {
  const rank = (r) => (r.all.fetching + r.all.waiting + r.all.failed > 0 ? 2 : r.all.machines > 0 ? 1 : 0);
  return [...fleet.releases.values()].sort((a, b) => rank(b) - rank(a) || b.created - a.created || (a.r < b.r ? -1 : 1));
}
function ticks(most, wanted) {
  const raw = most / wanted, power = 10 ** Math.floor(Math.log10(raw || 1));
  const step = Math.max(1, [1, 2, 5, 10].map((x) => x * power).find((x) => x >= raw) ?? 1);
  const list = [];
  for (let v = 0; v <= most; v += step) list.push(v);
  return list;
}
function chart(r) {
  const points = fleet.curves.get(r.r) ?? [];
  if (points.length < 2) return h("p", { class: "note" }, points.length ? "The curve begins with the next change." : "Nothing has moved in the last day.");
  const narrow = matchMedia("(max-width: 700px)").matches;
  const [W, H, left, right, top, bottom] = [narrow ? 330 : 820, narrow ? 220 : 260, 34, 46, 12, 26];
  const busy = r.all.fetching + r.all.waiting > 0;
  const from = points[0][0], to = Math.max(from + 10, busy ? now() : points[points.length - 1][0] + (points[points.length - 1][0] - from) * 0.05);
  const most = Math.max(1, r.all.machines), labels = ticks(most, 4).filter((n) => n === 0 || most - n >= most / 10);
  const x = (t) => left + ((t - from) / (to - from)) * (W - left - right), y = (n) => H - bottom - (n / most) * (H - top - bottom);
  const done = points.map((p, i) => (i ? `H${x(p[0]).toFixed(1)}V${y(p[1]).toFixed(1)}` : `M${x(p[0]).toFixed(1)} ${y(p[1]).toFixed(1)}`)).join("") + `H${x(to).toFixed(1)}`;
  const layers = arrivals(points, to, r.all.machines * r.size).map(({ kind, low, high }) => {
    const at = ([t, share]) => `${x(t).toFixed(1)} ${y(share * most).toFixed(1)}`;
    return s("path", { class: "layer " + kind, d: "M" + high.map(at).join("L") + "L" + low.reverse().map(at).join("L") + "Z" });
  });
  const times = (narrow ? [0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1]).map((f) => from + f * (to - from));
  const text = `${r.all.complete} of ${r.all.machines} nodes complete after ${span(points[points.length - 1][0] - from)}`;
  return h("div", null,
    s("svg", { class: "chart", viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": "Complete nodes over time: " + text },
      [...labels, most].map((n) => [s("line", { class: "rule", x1: left, x2: W - right, y1: y(n), y2: y(n) }), s("text", { x: left - 8, y: y(n) + 4, "text-anchor": "end" }, n >= 10000 ? n / 1000 + "k" : n)]),
      times.map((t, i) => s("text", { x: x(t), y: H - 6, "text-anchor": i === 0 ? "start" : i === times.length - 1 ? "end" : "middle" }, i === 0 ? clock(t) : "+" + span(t - from))),
      s("line", { class: "goal", x1: left, x2: W - right, y1: y(most), y2: y(most) }),
      [0, 50, 100].map((share) => s("text", { x: W - right + 8, y: y((share / 100) * most) + 4 }, share + " %")),
      layers,
      s("path", { class: "line", d: done })),
    h("ul", { class: "legend" }, h("li", { class: "complete line" }, "Complete nodes (left)"),
      origins(r).filter((o) => o.n || o.kind === "src" || o.kind === "peer").map((o) => h("li", { class: o.kind }, `Arrived from ${o.word.toLowerCase()} (right)`))));
}
// Shares of all bytes over time, from the bottom: source, peers, mirrors, reuse. Each layer lies on the one before.
function arrivals(points, to, all) {
  const kinds = ["src", "peer", "mirror", "reused"];
  const times = [...points.map((p) => p[0]), to], last = points[points.length - 1];
  let low = times.map((t) => [t, 0]);
  return kinds.map((kind, k) => {
    const high = low.map(([t, share], i) => [t, Math.min(1, share + (points[i] ?? last)[4 + k] / Math.max(1, all))]);
    const layer = { kind, low: [...low], high };
    low = high;
    return layer;
  }).filter(({ low, high }) => high.some(([, share], i) => share > low[i][1]));
}
const busyWord = (r) => (r.all.fetching + r.all.waiting > 0 ? "under way" : null);
function releaseView(key) {
  const list = releasesInOrder();
  const r = fleet.releases.get(key) ?? list[0];
  if (!r) return h("div", { class: "view" }, h("p", { class: "note" }, "Nothing is published yet. A release appears here as soon as 'shoal publish' has registered it."));
  const share = percent(r.all.done, r.all.machines * r.size);
  const sites = [...r.sites].sort((a, b) => percent(a.done, a.machines) - percent(b.done, b.machines) || (a.site < b.site ? -1 : 1));
  const state = r.all.machines === 0 ? "no node wants it yet" : r.all.complete === r.all.machines ? "on every node" : `${count(r.all.complete)} of ${plural(r.all.machines, "node")} have it`;
  const sum = r.src + r.peer + r.mirror + r.reused;
  return h("div", { class: "view", "data-key": "release" },
    h("div", { class: "grid" },
      h("div", { class: "span3" }, card("Releases", plural(list.length, "release"),
        h("div", { class: "picker body0" }, list.slice(0, 30).map((each) => {
          const p = percent(each.all.done, each.all.machines * each.size);
          return h("a", { href: "#release/" + each.r, "data-key": each.r, "aria-current": each.r === r.r ? "true" : null },
            h("span", { class: "name" }, each.model, "@", each.version), h("span", { class: "muted" }, each.withdrawn !== undefined ? "withdrawn" : each.all.machines ? whole(p) : "–"),
            bar(p, whole(p) + " of all bytes", p >= 100 ? "complete" : null));
        })))),
      h("div", { class: "span9 view" },
        h("div", { class: "head" }, h("h1", null, r.model, "@", r.version), h("span", { class: "muted" }, bytes(r.size), " · ", state),
          r.withdrawn !== undefined ? h("span", { class: "tag bad" }, "withdrawn ", r.withdrawn) : null),
        stats(["Arrived", whole(share), "of all bytes"], ["The source sent", r.copies.toFixed(2), r.copies === 1 ? "copy" : "copies"], ["Arriving now", rate(r.all.rate)],
          ["Share of the ideal", r.ideal === undefined ? "–" : r.ideal + " %", r.ideal === undefined ? "" : "of best rate"], ["Time left", r.all.complete === r.all.machines ? "–" : r.left === undefined ? "unknown" : span(r.left)]),
        card("Nodes", plural(r.all.machines, "node"), h("div", { class: "body" }, stacked(standings(r.all), state), legend(standings(r.all).filter((x) => x.n || x.kind === "complete")))),
        card("How it spread", busyWord(r), h("div", { class: "body" }, chart(r))),
        card("Where the bytes came from", sum ? bytes(sum) : null, h("div", { class: "body" },
          stacked(origins(r), origins(r).map((x) => `${x.word} ${x.text}`).join(", ")), legend(origins(r).filter((x) => x.n || x.kind === "src" || x.kind === "peer").map((x) => ({ ...x, text: x.text + (sum ? " · " + whole(percent(x.n, sum)) : "") }))))),
        sites.length > 0 ? card("Sites", plural(sites.length, "site"), table("Sites", ["Site", ">Nodes", ">Complete", "Arrived", ">Rate"], sites.slice(0, 100).map((x) => {
          const p = percent(x.done, x.machines * r.size);
          return h("tr", { "data-key": "site-" + x.site }, h("td", null, siteName(x.site)), h("td", { class: "num" }, count(x.machines)), h("td", { class: "num" }, count(x.complete)),
            h("td", { class: "wide" }, whole(p), bar(p, whole(p) + " arrived", p >= 100 ? "complete" : null)), h("td", { class: "num" }, x.rate ? rate(x.rate) : ""));
        }))) : null,
        r.slow.length ? card("The slowest, and why", null, table("The slowest machines", ["Machine", "Arrived", ">Rate", ">Time left", "Why"], r.slow.map((x) => {
          const p = percent(x.done, r.size);
          return h("tr", { "data-key": x.id }, h("td", null, machineLink(x.id)), h("td", { class: "wide" }, whole(p), bar(p, whole(p) + " arrived")), h("td", { class: "num" }, x.rate ? rate(x.rate) : "0"),
            h("td", { class: "num" }, x.left === null ? "unknown" : span(x.left)), h("td", null, x.why));
        }))) : null)));
}

// --- channels

function standingOf(c) {
  const sums = { complete: 0, fetching: 0, waiting: 0, failed: 0 };
  for (const m of fleet.machines.values())
    for (const x of m.subs ?? []) {
      if (x.m !== c.m || x.c !== c.c) continue;
      if (x.phase === "failed" && x.wanted === c.r) sums.failed++;
      else if (x.active === c.r) sums.complete++;
      else if (x.phase === "fetching") sums.fetching++;
      else sums.waiting++;
    }
  return sums;
}
function channelsView(chosen) {
  const name = (c) => `${c.m}:${c.c}`;
  if (!fleet.channels.length) return h("div", { class: "view" }, h("p", { class: "note" }, "No channel yet. A publisher makes one with 'shoal channel set ORG/NAME:main VERSION'."));
  return h("div", { class: "view", "data-key": "channels" }, h("h1", null, "Channels"), fleet.channels.map((c) => {
    const sums = standingOf(c), all = sums.complete + sums.fetching + sums.waiting + sums.failed, open = chosen === name(c);
    const parts = standings(sums).map((x) => (x.kind === "complete" ? { ...x, word: "active" } : x.kind === "waiting" ? { ...x, word: "on another version" } : x));
    const left = c.until - now();
    return h("section", { class: "card", "data-key": name(c) },
      h("header", null, h("h2", null, h("a", { href: open ? "#channels" : "#channels/" + name(c), "aria-expanded": open ? "true" : "false" }, name(c))),
        h("span", null, c.halted ? [h("span", { class: "tag bad" }, "halted"), " "] : null, fleet.releases.has(c.r) ? [fleet.releases.get(c.r).version, " "] : null,
          c.percent < 100 ? h("span", { class: "tag" }, `rollout to ${c.percent} % of the nodes`) : null)),
      h("div", { class: "body" },
        all ? [stacked(parts, parts.map((x) => `${x.word} ${x.text}`).join(", ")), legend(parts.filter((x) => x.n || x.kind === "complete"))] : h("p", { class: "muted" }, "No node follows it."),
        c.percent < 100 ? h("p", { class: "muted" }, `The rollout goes to ${c.percent} % of the nodes` + (c.halt ? `, and halts when more than ${c.halt} % of them fail.` : ".")) : null,
        h("p", { class: "muted" }, "Pointer ", c.seq, left > 0 ? ` ends in ${span(left)}` : " has expired"),
        open ? historyOf(c) : null));
  }));
}
function historyOf(c) {
  const rows = look(`/api/channels/${c.m}/${c.c}/history`);
  if (!Array.isArray(rows)) return h("p", { class: "muted" }, rows?.error ?? "Loading the history …");
  return table("History of " + c.m + ":" + c.c, ["When", "Version", "Who", "Why"], rows.map((x) => h("tr", null, h("td", null, when(x.at)),
    h("td", null, x.version, x.rollback ? [" ", h("span", { class: "tag" }, "rollback")] : null, x.percent < 100 ? [" ", h("span", { class: "tag" }, x.percent + " %")] : null), h("td", null, x.who), h("td", null, x.reason))));
}

// --- models

function modelsView(chosen) {
  const models = new Map();
  for (const r of fleet.releases.values()) models.set(r.model, (models.get(r.model) ?? []).concat(r));
  if (!models.size) return h("div", { class: "view" }, h("p", { class: "note" }, "Nothing is published yet."));
  const nodes = [...fleet.machines.values()].filter((m) => m.role === "node" && !m.revoked).length;
  return h("div", { class: "view", "data-key": "models" }, h("h1", null, "Models"), [...models].sort(([a], [b]) => (a < b ? -1 : 1)).map(([model, versions]) => {
    versions.sort((a, b) => b.created - a.created || (a.r < b.r ? -1 : 1));
    const open = versions.find((r) => r.r === chosen);
    return h("section", { class: "card", "data-key": model }, h("header", null, h("h2", null, model), h("span", { class: "muted" }, plural(versions.length, "version"))),
      table("Versions of " + model, ["Version", ">Size", "Published", ">Nodes that have it", "Channels", ">To all other nodes"], versions.map((r) => {
        const lacking = Math.max(0, nodes - r.all.complete);
        return h("tr", { "data-key": r.r, class: r === open ? "chosen" : null },
          h("td", null, h("a", { href: r === open ? "#models" : "#models/" + r.r, "aria-expanded": r === open ? "true" : "false" }, r.version), r.withdrawn !== undefined ? [" ", h("span", { class: "tag bad" }, "withdrawn")] : null),
          h("td", { class: "num" }, bytes(r.size)), h("td", null, when(r.created)), h("td", { class: "num" }, count(r.all.complete), " of ", count(nodes)),
          h("td", null, fleet.channels.filter((c) => c.r === r.r).map((c) => c.c).join(", ")), h("td", { class: "num" }, lacking ? bytes(lacking * r.size) : "nothing"));
      }), "even"), open ? h("div", { class: "body" }, releaseDetails(open, nodes)) : null);
  }));
}
const mostHolders = 30;
function holders(r) {
  const has = (m) => (m.subs ?? []).some((x) => x.active === r.r) || (m.moves ?? []).some((x) => x.r === r.r && x.done >= x.size) || (m.serves ?? []).some(([x, whole]) => x === r.r && whole);
  const all = [...fleet.machines.values()].filter((m) => !m.revoked && has(m)).sort((a, b) => compareNames(a.name, b.name));
  if (!all.length) return "none";
  return [all.slice(0, mostHolders).map((m, i) => [i ? ", " : null, machineLink(m.id)]), all.length > mostHolders ? ` and ${count(all.length - mostHolders)} more` : null];
}
function releaseDetails(r, nodes) {
  const d = look("/api/releases/" + r.id);
  if (!d || d.error) return h("p", { class: "muted" }, d?.error ?? "Loading …");
  const lacking = Math.max(0, nodes - r.all.complete), sites = new Set([...fleet.machines.values()].filter((m) => m.role === "node").map((m) => m.site)).size;
  return h("div", { class: "grid" },
    h("div", { class: "span7" }, facts([["Format", d.kind + (d.tensors ? `, ${plural(d.tensors, "tensor")}` : "")], ["Parameters", d.parameters ? count(d.parameters) : ""],
      ["Types", Object.entries(d.types).map(([type, n]) => `${type} ${bytes(n)}`).join(", ")], ["Signed by", h("span", { class: "mono" }, d.signers.map((x) => x.slice(0, 16)).join(", "))],
      ["Signature", d.verified ? state("complete", "valid for the trust root in force") : state("failed", "not valid for the trust root in force")],
      ["Labels", Object.entries(d.labels).map(([key, value]) => `${key}=${value}`).join(", ")], ["Mirrors", d.mirrors ? plural(d.mirrors, "mirror") : "none"], ["Pieces", bytes(d.piece)],
      ["Code", d.allows_code ? "has formats that run code when they are loaded" : ""], ["Release", h("span", { class: "mono" }, r.id)],
      ["Machines that have it", holders(r)],
      ["To all other nodes", lacking ? `${bytes(lacking * r.size)} arrive at ${plural(lacking, "node")}; the source sends about ${plural(sites, "copy", "copies")}, one per site (${bytes(sites * r.size)})` : "every node has it"]])),
    h("div", { class: "span5" }, h("h2", null, plural(d.file_count, "file")), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Files" }, h("table", null, h("tbody", null, d.files.slice(0, 50).map((x) => h("tr", null, h("td", { class: "mono" }, x.path), h("td", { class: "num" }, bytes(x.size)))))))));
}

// --- one machine

function machineView(id) {
  const m = fleet.machines.get(id);
  if (!m) return h("div", { class: "view" }, h("p", { class: "note" }, "No such machine. ", h("a", { href: "#fleet" }, "All machines")));
  const at = now(), d = look("/api/machines/" + id);
  m.state = stateOf(m, at);
  const events = d?.events ? [...d.events].reverse() : [];
  return h("div", { class: "view", "data-key": "machine-" + id },
    h("div", { class: "head" }, h("h1", null, m.name), state(m.state), h("span", { class: "muted" }, m.role, m.site ? " · " + m.site : ""), h("a", { class: "end", href: "#fleet" }, "All machines")),
    stats(["Arriving now", rate(m.rate)], ["Sent to others", m.software ? bytes((m.moves ?? []).reduce((sum, x) => sum + (x.sent ?? 0), 0)) : "–"], ["Seen", m.seen ? span(at - m.seen) : "never", m.seen ? "ago" : ""],
      ["Certificate", m.cert > at ? span(m.cert - at) : "ended", m.cert > at ? "left" : ""], ["Disk free", m.disk ? bytes(m.free) : "–", m.disk ? "of " + bytes(m.disk) : ""]),
    h("div", { class: "grid" },
      place(12, card("Channels", null, (m.subs ?? []).length ? table("Channels", ["Channel", "Runs", "State", "Why"], m.subs.map((x) => h("tr", null,
        h("td", null, h("a", { href: `#channels/${x.m}:${x.c}` }, `${x.m}:${x.c}`)), h("td", null, x.av || "nothing"),
        h("td", null, state(calm[x.phase] ? x.phase : "waiting", x.phase + (x.wv && x.wv !== x.av ? " " + x.wv : "")), x.phase === "fetching" && x.size ? bar(percent(x.done, x.size), whole(percent(x.done, x.size))) : null),
        h("td", null, x.reason ?? ""))))
        : h("p", { class: "body muted" }, "It follows no channel."))),
      place(12, card("Releases", null, (m.moves ?? []).length ? table("Releases", ["Release", "Arrived", ">Rate", ">Peers", "From"], m.moves.map((x) => {
        const p = percent(x.done, x.size);
        return h("tr", { "data-key": x.r }, h("td", null, h("a", { href: "#release/" + x.r }, titleOf(x.r))), h("td", { class: "wide" }, whole(p), " of ", bytes(x.size), bar(p, whole(p) + " arrived", p >= 100 ? "complete" : null)),
          h("td", { class: "num" }, x.rate ? rate(x.rate) : ""), h("td", { class: "num" }, x.peers), h("td", null, origins(x).filter((o) => o.n).map((o) => `${o.word.toLowerCase()} ${o.text}`).join(", "), x.stall ? [" ", state("stalled", x.stall)] : null));
      })) : h("p", { class: "body muted" }, (m.serves ?? []).length ? "Serves " + m.serves.map((x) => titleOf(x[0])).join(", ") + "." : "It has said nothing of releases."))),
      place(6, card("Links", "received in the last seconds", d?.links?.length ? table("Links", ["From", ">Round trip", "Rate"], d.links.map((x) => h("tr", { "data-key": x.r + x.peer },
        h("td", null, machineLink(x.peer), x.source ? [" ", h("span", { class: "tag" }, "seeder")] : null), h("td", { class: "num" }, x.rtt === undefined ? "" : roundTrip(x.rtt)),
        h("td", { class: "wide" }, rate(x.rate), bar(percent(x.rate, Math.max(...d.links.map((y) => y.rate))), rate(x.rate), x.source ? "src" : "peer")))))
        : h("p", { class: "body muted" }, "Nothing arrives over its links."))),
      place(6, card("Last hour", plural(events.length, "event"), h("div", { class: "body" }, eventList(events.slice(0, 60), false)))),
      place(12, card("Identity", null, h("div", { class: "body" }, facts([["Id", h("span", { class: "mono" }, m.id)], ["Software", m.software], ["Certificate", "until " + when(m.cert)], ["Revoked", m.revoked ? when(m.revoked) : ""], ["Key", m.twice ? "held by two machines since " + when(m.twice) : ""]]))))));
}
const roundTrip = (us) => (us < 1000 ? us + " µs" : us < 9950 ? (us / 1000).toFixed(1) + " ms" : Math.round(us / 1000) + " ms");
function eventList(events, names) {
  if (!events.length) return h("p", { class: "muted" }, "Nothing happened in the last hour.");
  return h("ul", { class: names ? "events named" : "events" }, events.map((e) => h("li", { "data-key": "event-" + e.n }, h("span", { class: "muted" }, clock(e.t)), state(calm[e.kind] || glyphs[e.kind] ? e.kind : "idle", e.kind),
    names ? h("span", null, machineLink(e.id)) : null, h("span", null, e.text.startsWith("release ") ? titleOf(e.text.slice(8)) : e.text))));
}

// --- health

function healthView() {
  const at = now(), t = fleet.tracker;
  const errors = fleet.health.filter((x) => x.severity === "error").length;
  const target = (x) => (x.subject === "" ? x.name : x.subject.includes("/") ? h("a", { href: "#channels/" + x.subject }, x.name) : h("a", { href: "#machine/" + x.subject }, x.name));
  return h("div", { class: "view", "data-key": "health" },
    h("div", { class: "head" }, h("h1", null, "Health"), h("span", { class: "muted" }, fleet.health.length ? `${plural(errors, "error")}, ${plural(fleet.health.length - errors, "warning")}` : "")),
    fleet.health.length ? h("section", { class: "card" }, h("ul", { class: "findings" }, fleet.health.map((x) => h("li", { "data-key": x.kind + x.subject }, state(x.severity, [h("span", { class: "hide" }, x.severity + ": "), x.kind.replaceAll("_", " ")]), h("span", null, target(x)), h("span", { class: "text" }, x.text)))))
      : h("section", { class: "card" }, h("p", { class: "note" }, state("complete", "Nothing needs attention."))),
    h("div", { class: "grid" },
      place(4, card("Tracker", null, h("div", { class: "body" }, facts([["Certificate", t.cert ? span(t.cert - at) + " left" : ""], ["Trust root", t.root ? span(t.root - at) + " left" : ""], ["Connections", count(t.connections ?? 0)], ["Handshakes refused", count(t.refused ?? 0)]])))),
      place(8, card("Latest events", null, h("div", { class: "body" }, eventList([...fleet.events].reverse().slice(0, 40), true))))));
}

// --- frame

const views = { fleet: ["Fleet", fleetView], release: ["Releases", releaseView], channels: ["Channels", channelsView], models: ["Models", modelsView], health: ["Health", healthView], machine: [null, machineView] };
function routeOf() {
  const [view, ...rest] = decodeURIComponent(location.hash.slice(1)).split("/");
  return { view: views[view] ? view : "fleet", rest: rest.join("/") };
}
// What the tracker says of one thing, asked for once; drawn again when it comes.
function look(path) {
  const known = shown.details.get(path);
  const stale = path.startsWith("/api/machines/") ? 1500 : 30000;
  if (!known || Date.now() - known.at > stale) {
    const entry = { at: Date.now(), value: known?.value };
    if (shown.details.size > 50) shown.details.clear();
    shown.details.set(path, entry);
    fetch(path).then(async (answer) => {
      if (answer.status === 401) return welcome();
      entry.value = answer.ok ? await answer.json() : { error: "The tracker cannot say." };
      draw();
    }).catch(() => { entry.value ??= { error: "The tracker does not answer." }; });
    return entry.value;
  }
  return known.value;
}

let asked = false, over = false;
function draw() {
  if (asked || over) return;
  asked = true;
  (document.hidden ? setTimeout : requestAnimationFrame)(drawNow, 0);
}
function drawNow() {
  asked = false;
  if (over || !fleet.pictured) return;
  const began = performance.now();
  const { view, rest } = routeOf();
  const main = document.getElementById("main");
  const next = views[view][1](rest);
  if (main.firstElementChild) morph(main.firstElementChild, next);
  else main.append(next);
  while (main.childNodes.length > 1) main.lastChild.remove();
  if (view === "fleet") drawRows();
  tabs(view);
  document.title = (views[view][0] ?? nameOf(rest)) + " – " + fleet.name + " – Shoal";
  document.getElementById("fleet").textContent = fleet.name;
  performance.clearMeasures("shoal-draw");
  performance.measure("shoal-draw", { start: began, end: performance.now() });
}
function tabs(current) {
  const errors = fleet.health.filter((x) => x.severity === "error").length;
  const nav = h("nav", { id: "tabs", "aria-label": "Views" }, Object.entries(views).filter(([, [word]]) => word).map(([key, [word]]) =>
    h("a", { href: "#" + key, "data-key": key, "aria-current": key === current || (key === "fleet" && current === "machine") ? "page" : null }, word,
      key === "health" && fleet.health.length ? h("span", { class: "count" + (errors ? " bad" : ""), "aria-label": plural(fleet.health.length, "finding") }, fleet.health.length) : null)));
  morph(document.getElementById("tabs"), nav);
}
function live(word, kind) {
  const status = document.getElementById("live");
  status.className = "live " + kind;
  if (status.textContent !== word) status.textContent = word;
}

const themes = ["auto", "light", "dark"];
function setTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  const button = document.getElementById("theme");
  button.textContent = theme[0].toUpperCase() + theme.slice(1);
  button.title = "Theme: auto follows the system, light, dark";
  button.setAttribute("aria-label", button.textContent + ": the theme; press for the next");
  try { localStorage.setItem("theme", theme); } catch { /* a browser that keeps nothing */ }
}
function storedTheme() {
  try { return themes.includes(localStorage.getItem("theme")) ? localStorage.getItem("theme") : "auto"; } catch { return "auto"; }
}

function move(step, absolute) {
  if (!shown.ids.length) return;
  const rows = document.getElementById("rows"), height = matchMedia("(max-width: 700px)").matches ? 64 : 40;
  shown.active = Math.max(0, Math.min(shown.ids.length - 1, absolute ?? shown.active + step));
  const top = shown.active * height;
  if (top < rows.scrollTop) rows.scrollTop = top;
  if (top + height > rows.scrollTop + rows.clientHeight - 36) rows.scrollTop = top + height - rows.clientHeight + 36;
  drawRows();
}
const acts = {
  theme: () => setTheme(themes[(themes.indexOf(storedTheme()) + 1) % themes.length]),
  leave: async () => { stream?.close(); await fetch("/session", { method: "DELETE" }); welcome("You are signed out."); },
  sort: (key) => { shown.down = shown.sort === key ? !shown.down : ["progress", "rate"].includes(key); shown.sort = key; drawNow(); },
  open: (id) => { location.hash = "machine/" + id; },
  skip: () => document.getElementById("main").focus(),
};
document.addEventListener("click", (event) => {
  const at = event.target.closest("[data-act]");
  if (!at || event.target.closest("a[href]") && at.dataset.act === "open") return;
  if (at.dataset.act === "skip") event.preventDefault();
  acts[at.dataset.act]?.(at.dataset.arg);
});
document.addEventListener("input", (event) => { if (event.target.dataset.input) { shown[event.target.dataset.input] = event.target.value; shown.active = -1; drawNow(); } });
document.addEventListener("change", (event) => { if (event.target.dataset.change) { shown[event.target.dataset.change] = event.target.value; shown.active = -1; drawNow(); } });
document.addEventListener("scroll", (event) => { if (event.target.id === "rows") drawRows(); }, true);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !/INPUT|SELECT|TEXTAREA/.test(document.activeElement.tagName)) {
    const search = document.getElementById("search");
    if (search) event.preventDefault(), search.focus();
    return;
  }
  if (document.activeElement?.id !== "rows") return;
  const page = Math.max(1, Math.floor(document.getElementById("rows").clientHeight / 40) - 1);
  const steps = { ArrowDown: [1], ArrowUp: [-1], PageDown: [page], PageUp: [-page], Home: [0, 0], End: [0, shown.ids.length - 1] };
  if (event.key === "Enter" && shown.active >= 0) location.hash = "machine/" + shown.ids[shown.active];
  else if (steps[event.key]) move(...steps[event.key]);
  else return;
  event.preventDefault();
});
addEventListener("resize", draw);
addEventListener("hashchange", () => {
  if (location.hash.startsWith("#link=")) return start();
  drawNow();
  const main = document.getElementById("main");
  main.scrollTop = 0;
  main.focus({ preventScroll: true });
});
setInterval(draw, 5000); // ages grow though nothing changes

// --- the session

let stream = null;
function welcome(why) {
  over = true;
  stream?.close();
  live("", "");
  document.getElementById("leave").hidden = true;
  document.getElementById("tabs").replaceChildren();
  document.title = "Shoal";
  document.getElementById("main").replaceChildren(h("div", { class: "card welcome" }, h("h1", null, why ?? "Open the page with a link"),
    h("p", { class: "muted" }, "On the tracker's host, run"), h("code", null, "shoal page"), h("p", { class: "muted" }, "and open the link that it prints. It works once, for five minutes.")));
}
function listen() {
  over = false;
  stream?.close();
  stream = new EventSource("/events");
  live("Connecting …", "");
  const on = (kind, take) => stream.addEventListener(kind, (event) => {
    const began = performance.now();
    take(JSON.parse(event.data));
    live("Live", "on");
    document.getElementById("leave").hidden = false;
    performance.clearMeasures("shoal-take");
    performance.measure("shoal-take", { start: began, end: performance.now() });
    draw();
  });
  on("picture", takePicture);
  on("change", takeChange);
  stream.onerror = async () => {
    live("Not connected", "off");
    const refused = await fetch("/session").then((answer) => answer.status === 401, () => false);
    if (refused) welcome(fleet.pictured ? "The session has ended" : undefined);
    else if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  };
}
async function start() {
  const link = location.hash.match(/^#link=([\w-]+)$/);
  if (!link) return listen();
  history.replaceState(null, "", location.pathname);
  const answer = await fetch("/session", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ link: link[1] }) }).catch(() => null);
  if (answer?.ok || (await fetch("/session").catch(() => null))?.ok) return listen();
  welcome(answer ? "This link was used before, or is too old" : "The tracker does not answer");
}
setTheme(storedTheme());
start();
