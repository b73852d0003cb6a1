// The control tower is drawn in the browser from the live state: an event reaches the screen without a round trip.
// Figures and inbox are written into the page at once, past Dash and React, whose own rounds take ten times as long.
(function () {
  "use strict";
  const text = window.coldchainText;
  const space = (window.dash_clientside = window.dash_clientside || {});
  const RANK = { critical: 3, major: 2, minor: 1, info: 0 };
  const MAP_PAUSE_MS = 5000, FRESH_PAUSE_MS = 1000, CLUSTERED = 200;

  const h = (type, props, ...children) => ({ type, props, children: children.flat().filter((child) => child !== null && child !== undefined && child !== false && child !== "") });
  function build(part) {
    if (typeof part !== "object") return document.createTextNode(String(part));
    const element = document.createElement(part.type);
    Object.entries(part.props).forEach(([name, value]) => { if (value !== undefined && name !== "key") element.setAttribute(name, value); });
    part.children.forEach((child) => element.append(build(child)));
    return element;
  }
  // Rows that say the same as before stay the elements they were: focus and reading position survive an update.
  function put(list, rows) {
    const old = new Map(Array.from(list.children, (element) => [element.dataset.key, element]));
    const next = rows.map((row) => {
      const key = row.props["data-key"], words = JSON.stringify(row), was = old.get(key);
      if (was && was.words === words) return was;
      const element = build(row);
      element.words = words;
      if (was && was.classList.contains("at-hand")) element.classList.add("at-hand");
      return element;
    });
    const held = list.contains(document.activeElement) ? document.activeElement : null;
    const row = held && held.closest("[data-key]").dataset.key, kind = held && held.tagName;
    next.forEach((element, place) => { if (list.children[place] !== element) list.insertBefore(element, list.children[place] || null); });
    while (list.children.length > next.length) list.lastElementChild.remove();
    const again = held && !list.contains(held) && next.find((element) => element.dataset.key === row);
    if (again) (again.querySelector(kind) || again.querySelector("a") || again).focus();
    else if (held && document.activeElement !== held && list.contains(held)) held.focus();
  }
  function write(id, parts) {
    const element = document.getElementById(id);
    if (!element) return;
    const words = JSON.stringify(parts);
    if (element.words === words) return;
    element.words = words;
    element.replaceChildren(...[parts].flat().filter((part) => part !== "" && part !== null).map(build));
  }
  const span = (className, ...children) => h("span", { class: className }, ...children);
  const time = (iso, show) => h("time", { datetime: iso, "data-show": show }, show === "age" || show === "ago" ? "…" : iso);

  const ends = (lane) => (lane || "").split("→").map((end) => end.trim()).filter(Boolean);
  function keeps(shipment, f) {
    if (!shipment) return !(f.site || f.lane || f.product || f.customer);
    return (!f.site || ends(shipment.lane).includes(f.site)) && (!f.lane || shipment.lane === f.lane) &&
      (!f.product || shipment.product_profile === f.product) && (!f.customer || shipment.customer === f.customer);
  }

  // What stood open when its shipment was closed ended with it, whatever the last reading said.
  const over = (shipment) => Boolean(shipment) && (shipment.state === "closed" || shipment.state === "arrived");
  const lasts = (v, row) => !row.end && !over(v.about(row));

  function view(state, f) {
    const byId = new Map(state.shipments.map((row) => [row.id, row]));
    const about = (row) => (row.subject_kind === "shipment" ? byId.get(row.subject_id) : undefined);
    const shipments = state.shipments.filter((row) => keeps(row, f));
    const excursions = state.excursions.filter((row) => keeps(about(row), f));
    const alarms = state.alarms.filter((row) => keeps(about(row), f));
    return { byId, about, shipments, excursions, alarms, now: state.server_time };
  }

  const product = (shipment) => shipment && shipment.product_profile && (fleet.products[shipment.product_profile] || shipment.product_profile);

  // --- key figures --------------------------------------------------------------------------------------------------
  function tile(id, value, sub, tone) {
    write(id + "-value", value);
    write(id + "-sub", sub);
    const element = document.getElementById(id);
    if (element) element.dataset.tone = tone || "calm";
  }

  function kpis(v) {
    const underWay = v.shipments.filter((row) => row.state === "in_transit");
    const open = v.excursions.filter((row) => lasts(v, row));
    const risk = underWay.filter((row) => row.status === "at_risk").length;
    const silent = new Set(v.alarms.filter((row) => row.cause === "silence" && !row.end).map((row) => row.logger));
    const critical = v.alarms.filter((row) => row.severity === "critical" && !row.end).length;
    const oldest = open.map((row) => row.onset).sort()[0];
    let judged = 0, inside = 0;
    fleet.range.filter((row) => keeps(row, given.f)).forEach((row) => { judged += row.judged_s; inside += row.in_range_s; });
    const lanes = new Set(underWay.map((row) => row.lane).filter(Boolean)).size;
    tile("kpi-live", underWay.length.toLocaleString("en"), lanes + (lanes === 1 ? " lane" : " lanes"));
    tile("kpi-open", String(open.length), oldest ? [critical ? critical + " critical · " : "", "oldest ", time(oldest, "age")] : "none open", open.length ? "excursion" : "calm");
    tile("kpi-risk", String(risk), risk ? "near a limit, still in range" : "no shipment near a limit", risk ? "at_risk" : "calm");
    tile("kpi-silent", String(silent.size), silent.size ? "no reading when one was due" : "no silence alarm", silent.size ? "unknown" : "calm");
    const share = judged ? floored((100 * inside) / judged) : null;
    tile("kpi-range", share === null ? "–" : [share, h("small", {}, "%")], judged ? "of judged time, 30 days" : fleet.ready ? "nothing judged in 30 days" : "loading …");
  }
  // Rounded down: 99.996 % must not read as 100 %.
  const floored = (share) => (Math.floor(share * 100) / 100).toFixed(2);

  // --- inbox --------------------------------------------------------------------------------------------------------
  function tone(severity) { return severity === "critical" || severity === "major" ? "excursion" : severity === "minor" ? "at_risk" : "unknown"; }
  function link(row) {
    return "/alarms/" + row.id;
  }

  function inboxRow(v, alarm, mayAcknowledge) {
    const shipment = v.about(alarm);
    const name = alarm.reference || alarm.logger || "System";
    const peak = alarm.peak_c !== undefined ? alarm.peak_c : alarm.value_c;
    const acked = Boolean(alarm.acknowledged);
    const facts = [shipment && shipment.lane, product(shipment), alarm.channel && alarm.logger + "/" + alarm.channel].filter(Boolean);
    const action = acked ? h("span", { class: "acked" }, span("visually-hidden", "acknowledged by "), alarm.acknowledged_by || "acknowledged")
      : mayAcknowledge ? h("button", { class: "button", type: "button", "data-ack": alarm.id, "aria-label": "Acknowledge " + name + ", " + text.cause(alarm) }, "Acknowledge") : null;
    return h("li", { class: "inbox-row", "data-key": alarm.id, "data-alarm": alarm.id, "data-tone": tone(alarm.severity), "data-acked": String(acked), "data-href": link(alarm) },
      h("span", { class: "severity", "data-severity": alarm.severity }, alarm.severity[0].toUpperCase() + alarm.severity.slice(1)),
      h("div", { class: "what" },
        h("a", { href: link(alarm) }, name), " ", span("dim", text.cause(alarm)),
        alarm.suppression === "out_of_service" ? [" ", span("tag out-of-service", "out of service")] : null,
        h("div", { class: "facts" }, peak !== undefined ? [span("peak", text.extreme(alarm) + text.amount(alarm, peak)), " · "] : null, facts.join(" · "))),
      h("div", { class: "do" }, h("span", { class: "age" }, alarm.end ? ["ended ", time(alarm.end, "ago")] : over(shipment) ? ["open at the end"] : ["for ", time(alarm.onset, "age")]), action));
  }

  function watchedRow(v, excursion) {
    const shipment = v.about(excursion);
    const facts = [shipment && shipment.lane, product(shipment)].filter(Boolean);
    const href = "/excursions/" + excursion.id;
    return h("li", { class: "inbox-row", "data-key": excursion.id, "data-tone": tone(excursion.severity), "data-href": href },
      h("span", { class: "severity", "data-severity": excursion.severity }, excursion.severity[0].toUpperCase() + excursion.severity.slice(1)),
      h("div", { class: "what" }, h("a", { href }, excursion.reference || excursion.logger), " ",
        span("dim", (excursion.direction === "low" ? "below " : "above ") + text.limit(excursion.limit_c)),
        h("div", { class: "facts" }, span("peak", text.extreme(excursion) + text.celsius(excursion.peak_c, excursion.limit_c)), " · ", ["no alarm yet, inside its hold"].concat(facts).join(" · "))),
      h("div", { class: "do" }, h("span", { class: "age" }, "for ", time(excursion.onset, "age"))));
  }

  function inbox(v, mayAcknowledge) {
    const covered = new Set(v.alarms.flatMap((row) => row.excursions || []));
    const order = (row) => [row.acknowledged ? 1 : 0, row.end ? 1 : 0, -RANK[row.severity]];
    const alarms = v.alarms.slice().sort((a, b) => {
      const x = order(a), y = order(b);
      return x[0] - y[0] || x[1] - y[1] || x[2] - y[2] || (a.onset < b.onset ? 1 : -1);
    });
    const watched = v.excursions.filter((row) => lasts(v, row) && !covered.has(row.id));
    const rows = alarms.slice(0, 200).map((row) => inboxRow(v, row, mayAcknowledge)).concat(watched.slice(0, 50).map((row) => watchedRow(v, row)));
    if (rows.length) return rows;
    return [h("li", { class: "state", "data-key": "none" }, span("glyph", "○"), h("strong", {}, "No open excursions"), h("span", {}, "Checked ", time(v.now, "second")))];
  }

  // --- map ----------------------------------------------------------------------------------------------------------
  let drawn = { at: 0, key: "" };

  const worked = (row) => (fleet.out_of_service || []).includes(row.id);
  function hover(row) {
    const words = { in_range: "in range", at_risk: "at risk", excursion: "excursion", unknown: "unknown" };
    return "<b>" + row.reference + "</b><br>" + words[row.status] + " · " + text.celsius(row.temperature_c) + (row.lane ? "<br>" + row.lane : "") + (worked(row) ? "<br>out of service" : "");
  }

  function marks(v) {
    const places = { in_range: [], at_risk: [], unknown: [], excursion: [], mark: [], ended: [], store: [] };
    const stores = new Map(filtered() ? [] : fleet.stores.map((row) => [row.id, row]));
    stores.forEach((row) => places.store.push([row.longitude, row.latitude, "<b>" + row.name + "</b><br>" + row.words, "/stores/" + row.id]));
    v.shipments.forEach((row) => {
      if (row.latitude !== undefined) places[row.status].push([row.longitude, row.latitude, hover(row), "/shipments/" + row.id]);
    });
    let nowhere = 0;
    v.excursions.forEach((row) => {
      const shipment = v.about(row);
      const at = row.latitude !== undefined ? row : shipment && shipment.latitude !== undefined ? shipment : stores.get(row.subject_id) || null;
      if (!at) { nowhere += 1; return; }
      const words = "<b>" + (row.reference || row.logger) + "</b><br>" + (row.direction === "low" ? "below " : "above ") + text.limit(row.limit_c) +
        ", " + text.extreme(row) + text.celsius(row.peak_c, row.limit_c) + (lasts(v, row) ? "<br>open" : "<br>ended");
      places[lasts(v, row) ? "mark" : "ended"].push([at.longitude, at.latitude, words, "/excursions/" + row.id]);
    });
    return { places, nowhere };
  }

  function frame(points) {
    if (!points.length) return { center: { lon: 12, lat: 47 }, zoom: 3 };
    const lons = points.map((p) => p[0]), lats = points.map((p) => p[1]);
    const west = Math.min(...lons), east = Math.max(...lons), south = Math.min(...lats), north = Math.max(...lats);
    // World pixels: 512 at zoom 0. A margin of 50 px keeps marks off the edge and the legend off most of them.
    const box = document.getElementById("tower-map");
    const wide = Math.max(120, (box ? box.clientWidth : 800) - 100), high = Math.max(120, (box ? box.clientHeight : 500) - 100);
    const y = (lat) => Math.log(Math.tan(Math.PI / 4 + (Math.max(-80, Math.min(80, lat)) * Math.PI) / 360)) / (2 * Math.PI);
    const zoom = Math.min(Math.log2((wide * 360) / 512 / Math.max(east - west, 0.5)), Math.log2(high / 512 / Math.max(y(north) - y(south), 0.002)));
    const middle = (2 * Math.atan(Math.exp(Math.PI * (y(north) + y(south)))) - Math.PI / 2) * (180 / Math.PI);
    return { center: { lon: (west + east) / 2, lat: middle }, zoom: Math.max(0.3, Math.min(8, zoom)) };
  }

  // Figures and inbox are painted first. The map follows: at once when something about it is new, else every 5 s.
  let waiting = null, timer = null;
  function drawSoon(v, base, scheme) {
    const key = JSON.stringify([scheme, v.shipments.map((row) => row.id + row.status), v.excursions.map((row) => row.id + (row.end || "")), fleet.stores.length]);
    waiting = { v, base, scheme, key };
    const fresh = key !== drawn.key || !document.querySelector("#tower-map .js-plotly-plot");
    if (timer !== null && !fresh) return;
    clearTimeout(timer);
    const pause = drawn.at + (fresh ? FRESH_PAUSE_MS : MAP_PAUSE_MS) - Date.now();
    timer = setTimeout(() => {
      timer = null;
      if (!document.getElementById("tower-map")) return;
      drawn = { at: Date.now(), key: waiting.key };
      space.set_props("tower-map", { figure: map(waiting.v, waiting.base, waiting.scheme) });
    }, Math.max(150, pause));
  }

  function map(v, base, scheme) {
    const { places, nowhere } = marks(v);
    const figure = JSON.parse(JSON.stringify(base));
    const colours = figure.layout.meta.colours[scheme];
    figure.data.forEach((trace) => {
      const rows = places[trace.meta];
      if (trace.cluster) trace.cluster.enabled = rows.length > CLUSTERED;
      trace.lon = rows.map((row) => row[0]);
      trace.lat = rows.map((row) => row[1]);
      trace.text = rows.map((row) => row[2]);
      trace.customdata = rows.map((row) => row[3]);
      trace.marker.color = colours[trace.meta];
    });
    figure.layout.map.style = figure.layout.meta.styles[scheme];
    Object.assign(figure.layout.map, frame(Object.values(places).flat()));
    const count = (name) => String(v.shipments.filter((row) => row.status === name).length);
    write("legend-in_range", count("in_range"));
    write("legend-at_risk", count("at_risk"));
    write("legend-unknown", count("unknown"));
    write("legend-excursion", String(places.mark.length));
    write("legend-affected", count("excursion"));
    write("legend-store", String(places.store.length));
    write("legend-ended", String(places.ended.length));
    write("map-nowhere", nowhere ? nowhere + " without a position, see the inbox" : "");
    return figure;
  }

  // --- what Dash calls ----------------------------------------------------------------------------------------------
  const fill = (rows, read) => Array.from(new Set(rows.flatMap(read).filter(Boolean))).sort();
  // Choices that stay the same are not given again: an open list would lose its place.
  const offered = {};
  function choices(name, values) {
    const words = JSON.stringify(values), box = document.getElementById("tower-" + name);
    if (offered[name] && offered[name].words === words && offered[name].box === box) return space.no_update;
    offered[name] = { words, box };
    return values;
  }
  const products = (state) => fill(state.shipments, (row) => [row.product_profile]).map((id) => ({ value: id, label: fleet.products[id] || id }));

  let seen = null, given = null, painted = {};
  let fleet = { ready: false, range: [], stores: [], products: {} };
  const filtered = () => Object.values(given.f).some(Boolean);

  function paint(state) {
    const list = document.getElementById("tower-inbox");
    if (!list) return;
    const v = view(state, given.f), waiting = v.alarms.filter((row) => !row.acknowledged).length;
    kpis(v);
    put(list, inbox(v, given.may));
    write("inbox-count", waiting + " to acknowledge");
    write("thumb-count", waiting ? waiting + " to acknowledge" : "");
    const wait = document.getElementById("inbox-wait");
    if (wait && wait.firstChild) { wait.replaceChildren(); wait.hidden = true; }
    text.writeTimes(document.querySelector(".page"));
    announce(state);
    table(v);
    drawSoon(v, given.base, given.scheme);
  }
  addEventListener("coldchain-live", () => {
    const state = window.coldchainLive.state;
    if (!given || !given.base || !state || !state.shipments || !document.getElementById("tower-inbox")) return;
    painted.state = state;
    paint(state);
  });

  // The map as a table, written only while somebody has it open.
  function table(v) {
    const box = document.getElementById("map-table");
    if (!box || !box.closest("details").open) return;
    const words = { in_range: "in range", at_risk: "at risk", excursion: "excursion", unknown: "unknown" };
    const place = (row) => (row.latitude === undefined ? "no position yet" : Math.abs(row.latitude).toFixed(3) + (row.latitude < 0 ? "° S, " : "° N, ") + Math.abs(row.longitude).toFixed(3) + (row.longitude < 0 ? "° W" : "° E"));
    const line = (href, name, status, value, row, lane) => h("tr", {}, h("td", {}, h("a", { href }, name), worked(row) ? [" ", span("tag out-of-service", "out of service")] : null),
      h("td", {}, h("span", { class: "status", "data-status": status }, words[status] || status)), h("td", { class: "n" }, value), h("td", {}, place(row)), h("td", {}, lane));
    const head = h("tr", {}, ...["Shipment or store", "Status", "Temperature", "Position", "Lane"].map((name) => h("th", { scope: "col" }, name)));
    const rows = v.shipments.map((row) => line("/shipments/" + row.id, row.reference, row.status, text.celsius(row.temperature_c), row, row.lane || "–"))
      .concat(filtered() ? [] : fleet.stores.map((row) => line("/stores/" + row.id, row.name, row.status, text.celsius(row.temperature_c), row, "–")));
    write("map-table", [h("thead", {}, head), h("tbody", {}, ...rows)]);
  }
  document.addEventListener("toggle", (event) => { if (event.target.id === "map-as-table" && given && painted.state) table(view(painted.state, given.f)); }, true);

  space.coldchain = Object.assign(space.coldchain || {}, {
    tower: function (state, site, lane, product, customer, scheme, now, base, may) {
      const f = { site, lane, product, customer };
      const query = new URLSearchParams(Object.entries(f).filter((pair) => pair[1]));
      const wanted = location.pathname + (query.size ? "?" + query : "");
      if (location.pathname === "/" && wanted !== location.pathname + location.search) history.replaceState(history.state, "", wanted);
      if (now) fleet = Object.assign({ ready: true }, now);
      const next = { f, base, scheme: scheme || "light", may };
      const known = JSON.stringify([f, next.scheme, may, now]);
      if (!state || !state.shipments) { given = next; return Array(4).fill(space.no_update); }
      const list = document.getElementById("tower-inbox");
      if (!given || known !== painted.known || state !== painted.state || (list && !list.firstChild)) {
        given = next;
        painted = { known, state };
        paint(state);
      }
      return [choices("site", fill(state.shipments, (row) => ends(row.lane))), choices("lane", fill(state.shipments, (row) => [row.lane])),
        choices("product", products(state)), choices("customer", fill(state.shipments, (row) => [row.customer]))];
    },
    count: function (state) {
      if (!state || !state.excursions) return "";
      const byId = new Map(state.shipments.map((row) => [row.id, row]));
      const open = state.excursions.filter((row) => !row.end && !over(byId.get(row.subject_id))).length;
      return open ? String(open) : "";
    },
    follow: function (click) {
      const point = click && click.points && click.points[0];
      return point && typeof point.customdata === "string" ? point.customdata : space.no_update;
    },
    acknowledge: function (id, state) {
      const alarm = id && state && state.alarms ? state.alarms.find((row) => row.id === id) : null;
      if (!id) return [false, space.no_update];
      if (!alarm) return [true, "This alarm"];
      const peak = alarm.peak_c !== undefined ? ", " + text.extreme(alarm) + text.amount(alarm, alarm.peak_c) : "";
      return [true, (alarm.reference || alarm.logger) + " " + text.cause(alarm) + peak + ", since " + text.moment(alarm.onset, "minute")];
    },
  });

  function announce(state) {
    const now = new Map(state.alarms.map((row) => [row.id, row]));
    if (seen) now.forEach((row, id) => {
      if (seen.has(id)) return;
      window.coldchainSay((row.severity === "critical" ? "Critical: " : "New alarm: ") + (row.reference || row.logger) + " " + text.cause(row), row.severity === "critical" ? "assertive" : "polite");
    });
    seen = new Set(now.keys());
  }
})();
