// The control tower is drawn in the browser from the live state: an event reaches the screen without a round trip.
(function () {
  "use strict";
  const text = window.coldchainText;
  const space = (window.dash_clientside = window.dash_clientside || {});
  const RANK = { critical: 3, major: 2, minor: 1, info: 0 };
  const MAP_PAUSE_MS = 5000, FRESH_PAUSE_MS = 1000;

  function h(type, props, ...children) {
    const content = children.flat().filter((child) => child !== null && child !== undefined && child !== false);
    return { namespace: "dash_html_components", type, props: Object.assign({}, props, { children: content.length === 1 ? content[0] : content }) };
  }
  const span = (className, ...children) => h("Span", { className }, ...children);
  const time = (iso, show, className) => h("Time", { dateTime: iso, "data-show": show, className }, show === "age" || show === "ago" ? "…" : iso);

  const ends = (lane) => (lane || "").split("→").map((end) => end.trim()).filter(Boolean);
  function keeps(shipment, f) {
    if (!shipment) return !(f.site || f.lane || f.product || f.customer);
    return (!f.site || ends(shipment.lane).includes(f.site)) && (!f.lane || shipment.lane === f.lane) &&
      (!f.product || shipment.product_profile === f.product) && (!f.customer || shipment.customer === f.customer);
  }

  function view(state, f) {
    const byId = new Map(state.shipments.map((row) => [row.id, row]));
    const about = (row) => (row.subject_kind === "shipment" ? byId.get(row.subject_id) : undefined);
    const shipments = state.shipments.filter((row) => keeps(row, f));
    const excursions = state.excursions.filter((row) => keeps(about(row), f));
    const alarms = state.alarms.filter((row) => keeps(about(row), f));
    return { byId, about, shipments, excursions, alarms, now: state.server_time };
  }

  // --- key figures --------------------------------------------------------------------------------------------------
  function tile(id, value, sub, tone) {
    space.set_props(id + "-value", { children: value });
    space.set_props(id + "-sub", { children: sub });
    space.set_props(id, { "data-tone": tone || "calm" });
  }

  function kpis(v) {
    const underWay = v.shipments.filter((row) => row.state === "in_transit");
    const open = v.excursions.filter((row) => !row.end);
    const risk = underWay.filter((row) => row.status === "at_risk").length;
    const silent = new Set(v.alarms.filter((row) => row.cause === "silence" && !row.end).map((row) => row.logger));
    const critical = v.alarms.filter((row) => row.severity === "critical" && !row.end).length;
    const oldest = open.map((row) => row.onset).sort()[0];
    let judged = 0, inside = 0;
    underWay.forEach((row) => { judged += row.time_judged_s || 0; inside += row.time_in_range_s || 0; });
    const lanes = new Set(underWay.map((row) => row.lane).filter(Boolean)).size;
    tile("kpi-live", underWay.length.toLocaleString("en"), lanes + (lanes === 1 ? " lane" : " lanes"));
    tile("kpi-open", String(open.length), oldest ? [critical ? critical + " critical · " : "", "oldest ", time(oldest, "age")] : "none open", open.length ? "excursion" : "calm");
    tile("kpi-risk", String(risk), risk ? "near a limit, still in range" : "no shipment near a limit", risk ? "at_risk" : "calm");
    tile("kpi-silent", String(silent.size), silent.size ? "no reading when one was due" : "all loggers report", silent.size ? "unknown" : "calm");
    const share = judged ? floored((100 * inside) / judged) : null;
    tile("kpi-range", share === null ? "–" : [share, h("Small", {}, "%")], judged ? "of judged time, shipments under way" : "nothing judged yet");
  }
  // Rounded down: 99.996 % must not read as 100 %.
  const floored = (share) => (Math.floor(share * 100) / 100).toFixed(2);

  // --- inbox --------------------------------------------------------------------------------------------------------
  function tone(severity) { return severity === "critical" || severity === "major" ? "excursion" : severity === "minor" ? "at_risk" : "unknown"; }
  function link(row) {
    if (row.excursions && row.excursions.length) return "/excursions/" + row.excursions[row.excursions.length - 1];
    if (row.subject_kind === "shipment" && row.subject_id) return "/shipments/" + row.subject_id;
    return row.logger ? "/loggers/" + encodeURIComponent(row.logger) : "/excursions";
  }

  function inboxRow(v, alarm, mayAcknowledge) {
    const shipment = v.about(alarm);
    const name = alarm.reference || alarm.logger || "System";
    const peak = alarm.peak_c !== undefined ? alarm.peak_c : alarm.value_c;
    const acked = Boolean(alarm.acknowledged);
    const facts = [shipment && shipment.lane, shipment && shipment.product_profile, alarm.channel && alarm.logger + "/" + alarm.channel].filter(Boolean);
    const action = acked ? h("Span", { className: "acked" }, span("visually-hidden", "acknowledged by "), alarm.acknowledged_by || "acknowledged")
      : mayAcknowledge ? h("Button", { className: "button", type: "button", "data-ack": alarm.id, "aria-label": "Acknowledge " + name + ", " + text.cause(alarm) }, "Acknowledge") : null;
    return h("Li", { className: "inbox-row", key: alarm.id, "data-alarm": alarm.id, "data-tone": tone(alarm.severity), "data-acked": String(acked), "data-href": link(alarm) },
      h("Span", { className: "severity", "data-severity": alarm.severity }, alarm.severity[0].toUpperCase() + alarm.severity.slice(1)),
      h("Div", { className: "what" },
        h("A", { href: link(alarm) }, name), " ", span("dim", text.cause(alarm)),
        h("Div", { className: "facts" }, peak !== undefined ? [span("peak", "peak " + text.celsius(peak, alarm.limit_c)), " · "] : null, facts.join(" · "))),
      h("Div", { className: "do" }, h("Span", { className: "age" }, alarm.end ? ["ended ", time(alarm.end, "ago")] : ["for ", time(alarm.onset, "age")]), action));
  }

  function watchedRow(v, excursion) {
    const shipment = v.about(excursion);
    const facts = [shipment && shipment.lane, shipment && shipment.product_profile].filter(Boolean);
    const href = "/excursions/" + excursion.id;
    return h("Li", { className: "inbox-row", key: excursion.id, "data-tone": tone(excursion.severity), "data-href": href },
      h("Span", { className: "severity", "data-severity": excursion.severity }, excursion.severity[0].toUpperCase() + excursion.severity.slice(1)),
      h("Div", { className: "what" }, h("A", { href }, excursion.reference || excursion.logger), " ",
        span("dim", (excursion.direction === "low" ? "below " : "above ") + text.limit(excursion.limit_c)),
        h("Div", { className: "facts" }, span("peak", "peak " + text.celsius(excursion.peak_c, excursion.limit_c)), " · ", ["no alarm yet, inside its hold"].concat(facts).join(" · "))),
      h("Div", { className: "do" }, h("Span", { className: "age" }, "for ", time(excursion.onset, "age"))));
  }

  function inbox(v, mayAcknowledge) {
    const covered = new Set(v.alarms.flatMap((row) => row.excursions || []));
    const order = (row) => [row.acknowledged ? 1 : 0, row.end ? 1 : 0, -RANK[row.severity]];
    const alarms = v.alarms.slice().sort((a, b) => {
      const x = order(a), y = order(b);
      return x[0] - y[0] || x[1] - y[1] || x[2] - y[2] || (a.onset < b.onset ? 1 : -1);
    });
    const watched = v.excursions.filter((row) => !row.end && !covered.has(row.id));
    const rows = alarms.slice(0, 200).map((row) => inboxRow(v, row, mayAcknowledge)).concat(watched.slice(0, 50).map((row) => watchedRow(v, row)));
    if (rows.length) return rows;
    return h("Li", { className: "state" }, span("glyph", "○"), h("Strong", {}, "No open excursions"), h("Span", {}, "Checked ", time(v.now, "second")));
  }

  // --- map ----------------------------------------------------------------------------------------------------------
  let drawn = { at: 0, key: "" };

  function hover(row) {
    const words = { in_range: "in range", at_risk: "at risk", excursion: "excursion", unknown: "unknown" };
    return "<b>" + row.reference + "</b><br>" + words[row.status] + " · " + text.celsius(row.temperature_c) + (row.lane ? "<br>" + row.lane : "");
  }

  function marks(v) {
    const places = { in_range: [], at_risk: [], unknown: [], excursion: [], mark: [], ended: [] };
    v.shipments.forEach((row) => {
      if (row.latitude !== undefined) places[row.status].push([row.longitude, row.latitude, hover(row), "/shipments/" + row.id]);
    });
    let nowhere = 0;
    v.excursions.forEach((row) => {
      const shipment = v.about(row);
      const at = row.latitude !== undefined ? row : shipment && shipment.latitude !== undefined ? shipment : null;
      if (!at) { nowhere += 1; return; }
      const words = "<b>" + (row.reference || row.logger) + "</b><br>" + (row.direction === "low" ? "below " : "above ") + text.limit(row.limit_c) +
        ", peak " + text.celsius(row.peak_c, row.limit_c) + (row.end ? "<br>ended" : "<br>open");
      places[row.end ? "ended" : "mark"].push([at.longitude, at.latitude, words, "/excursions/" + row.id]);
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
    const key = JSON.stringify([scheme, v.shipments.map((row) => row.id + row.status), v.excursions.map((row) => row.id + (row.end || ""))]);
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
    }, Math.max(30, pause));
  }

  function map(v, base, scheme) {
    const { places, nowhere } = marks(v);
    const figure = JSON.parse(JSON.stringify(base));
    const colours = figure.layout.meta.colours[scheme];
    figure.data.forEach((trace) => {
      const rows = places[trace.meta];
      trace.lon = rows.map((row) => row[0]);
      trace.lat = rows.map((row) => row[1]);
      trace.text = rows.map((row) => row[2]);
      trace.customdata = rows.map((row) => row[3]);
      trace.marker.color = colours[trace.meta];
    });
    figure.layout.map.style = figure.layout.meta.styles[scheme];
    Object.assign(figure.layout.map, frame(Object.values(places).flat()));
    const count = (name) => String(v.shipments.filter((row) => row.status === name).length);
    space.set_props("legend-in_range", { children: count("in_range") });
    space.set_props("legend-at_risk", { children: count("at_risk") });
    space.set_props("legend-unknown", { children: count("unknown") });
    space.set_props("legend-excursion", { children: String(places.mark.length) });
    space.set_props("legend-ended", { children: String(places.ended.length) });
    space.set_props("map-nowhere", { children: nowhere ? nowhere + " without a position, see the inbox" : "" });
    return figure;
  }

  // --- what Dash calls ----------------------------------------------------------------------------------------------
  const fill = (rows, read) => Array.from(new Set(rows.flatMap(read).filter(Boolean))).sort();
  let seen = null;

  space.coldchain = Object.assign(space.coldchain || {}, {
    tower: function (state, site, lane, product, customer, scheme, base, may) {
      if (!state || !state.shipments) return Array(5).fill(space.no_update);
      const f = { site, lane, product, customer };
      const query = new URLSearchParams(Object.entries(f).filter((pair) => pair[1]));
      const wanted = location.pathname + (query.size ? "?" + query : "");
      if (location.pathname === "/" && wanted !== location.pathname + location.search) history.replaceState(history.state, "", wanted);
      const v = view(state, f);
      kpis(v);
      space.set_props("inbox-count", { children: String(v.alarms.filter((row) => !row.acknowledged).length) + " to acknowledge" });
      announce(v);
      drawSoon(v, base, scheme || "light");
      return [inbox(v, may),
        fill(state.shipments, (row) => ends(row.lane)), fill(state.shipments, (row) => [row.lane]),
        fill(state.shipments, (row) => [row.product_profile]), fill(state.shipments, (row) => [row.customer])];
    },
    count: function (state) {
      if (!state || !state.excursions) return "";
      const open = state.excursions.filter((row) => !row.end).length;
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
      return [true, [h("Strong", {}, alarm.reference || alarm.logger), " ", text.cause(alarm),
        alarm.peak_c !== undefined ? ", peak " + text.celsius(alarm.peak_c, alarm.limit_c) : "", ", since ", time(alarm.onset, "minute")]];
    },
  });

  function announce(v) {
    const now = new Map(v.alarms.map((row) => [row.id, row]));
    if (seen) now.forEach((row, id) => {
      if (seen.has(id)) return;
      window.coldchainSay((row.severity === "critical" ? "Critical: " : "New alarm: ") + (row.reference || row.logger) + " " + text.cause(row), row.severity === "critical" ? "assertive" : "polite");
    });
    seen = new Set(now.keys());
  }
})();
