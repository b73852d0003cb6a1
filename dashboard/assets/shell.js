// What belongs to every page: colour scheme, display zone, keyboard, sign-in dialog, and the linked cursor.
(function () {
  "use strict";
  const store = window.localStorage;
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const PLACES = { t: "/", a: "/alarms", s: "/shipments", e: "/excursions", l: "/loggers", c: "/compliance", x: "/exports" };

  function props(id, values) {
    try { window.dash_clientside.set_props(id, values); } catch (error) { /* not on this page */ }
  }

  // --- scheme and zone ----------------------------------------------------------------------------------------------
  const chosen = () => store.getItem("coldchain-scheme") || "system";
  const scheme = () => (chosen() === "system" ? (dark.matches ? "dark" : "light") : chosen());

  function paint() {
    root.setAttribute("data-mantine-color-scheme", scheme());
    root.dataset.agThemeMode = scheme();
    press("scheme", chosen());
    if (window.dash_clientside && document.getElementById("mantine-ready")) {
      props("mantine", { forceColorScheme: scheme() });
      props("scheme", { data: scheme() });
    }
  }

  function zone() {
    const kind = store.getItem("coldchain-zone") || "utc";
    document.body.dataset.zone = kind === "browser" ? Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC"
      : kind === "site" ? document.body.dataset.siteZone || "UTC" : "UTC";
    press("zone", kind);
    const label = document.getElementById("zone-label");
    if (label) label.textContent = document.body.dataset.zone;
    window.coldchainText.writeTimes();
    if (document.getElementById("mantine-ready")) props("zone", { data: document.body.dataset.zone });
  }

  function press(kind, value) {
    document.querySelectorAll("[data-choose-" + kind + "]").forEach((button) =>
      button.setAttribute("aria-pressed", String(button.getAttribute("data-choose-" + kind) === value)));
  }

  // --- announcements and dialogs ------------------------------------------------------------------------------------
  window.coldchainSay = function (words, manner) {
    const box = document.getElementById(manner === "assertive" ? "say-now" : "say");
    if (box) box.textContent = words;
  };
  window.coldchainSignedOut = () => props("signed-out", { opened: true });

  // What the page asks for by itself keeps no session alive: only what follows soon upon something that a person did.
  const PRESENT_MS = 60000;
  let acted = Date.now();
  ["pointerdown", "keydown", "wheel", "touchstart"].forEach((kind) =>
    addEventListener(kind, () => { acted = Date.now(); }, { capture: true, passive: true }));

  const plain = window.fetch;
  window.fetch = async function (...request) {
    if (Date.now() - acted > PRESENT_MS && !(request[0] instanceof Request)) {
      const headers = new Headers((request[1] || {}).headers);
      headers.set("X-Coldchain-Background", "1");
      request[1] = Object.assign({}, request[1], { headers });
    }
    const reply = await plain.apply(this, request);
    if (reply.status === 401) window.coldchainSignedOut();
    if (reply.status === 403) {
      reply.clone().text().then((body) => {
        let why = "You lack the permission for this.";
        try { why = JSON.parse(body).detail || why; } catch (error) { /* the sentence above says enough */ }
        props("notices", { sendNotifications: [{ action: "show", title: "Not allowed", message: why, color: "gray", autoClose: 8000 }] });
      });
    }
    return reply;
  };

  // --- clicks and keys ----------------------------------------------------------------------------------------------
  document.addEventListener("click", (event) => {
    const at = (name) => event.target.closest("[" + name + "]");
    let found;
    if ((found = at("data-ack"))) props("ack-alarm", { data: found.dataset.ack });
    else if ((found = at("data-choose-scheme"))) { store.setItem("coldchain-scheme", found.dataset.chooseScheme); paint(); }
    else if ((found = at("data-choose-zone"))) { store.setItem("coldchain-zone", found.dataset.chooseZone); zone(); }
    else if (at("data-sign-out")) signOut();
    else if ((found = at("data-keys-switch"))) { store.setItem("coldchain-keys", store.getItem("coldchain-keys") === "off" ? "on" : "off"); keysLabel(); }
  });

  function signOut() {
    const pair = document.cookie.split("; ").find((row) => /^(__Host-)?coldchain-csrf=/.test(row)) || "";
    plain("/sign-out", { method: "POST", headers: { "X-CSRF-Token": pair.slice(pair.indexOf("=") + 1) }, redirect: "manual" })
      .finally(() => location.assign("/sign-in"));
  }

  function keysLabel() {
    const button = document.querySelector("[data-keys-switch]");
    if (button) button.textContent = store.getItem("coldchain-keys") === "off" ? "Switch single keys on" : "Switch single keys off";
  }

  let waiting = false;
  function rows() { return Array.from(document.querySelectorAll("[data-href], [data-row]")).filter((row) => row.checkVisibility()); }
  function move(step) {
    const all = rows();
    if (!all.length) return;
    const now = all.findIndex((row) => row.classList.contains("at-hand"));
    all.forEach((row) => row.classList.remove("at-hand"));
    const next = all[Math.max(0, Math.min(all.length - 1, now + step))];
    next.classList.add("at-hand");
    const target = next.querySelector("a, summary");
    if (target) target.focus();
    next.scrollIntoView({ block: "nearest" });
  }
  function go(path) {
    const link = document.querySelector('.nav a[href="' + path + '"]');
    if (link) link.click(); else location.assign(path);
  }
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable], .ag-root");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || store.getItem("coldchain-keys") === "off") return;
    if (document.querySelector(".mantine-Modal-content, .mantine-Drawer-content")) return;
    const hand = document.querySelector(".at-hand");
    if (waiting) { waiting = false; if (PLACES[event.key]) { event.preventDefault(); go(PLACES[event.key]); } return; }
    if (event.key === "g") waiting = true;
    else if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "Enter" && hand && hand.dataset.href && !["A", "BUTTON", "SUMMARY"].includes(document.activeElement.tagName)) go(hand.dataset.href);
    else if (event.key === "a" && hand && hand.querySelector("[data-ack]")) { event.preventDefault(); hand.querySelector("[data-ack]").click(); }
    else if (event.key === "/") { const box = document.querySelector("[data-search] input, input[data-search]"); if (box) { event.preventDefault(); box.focus(); } }
    else if (event.key === "?") { keysLabel(); props("keys-help", { opened: true }); setTimeout(keysLabel, 300); }
  });

  // --- one cursor over chart and map --------------------------------------------------------------------------------
  function nearest(times, at) {
    let low = 0, high = times.length - 1;
    while (high - low > 1) { const middle = (low + high) >> 1; if (times[middle] <= at) low = middle; else high = middle; }
    return Math.abs(times[low] - at) <= Math.abs(times[high] - at) ? low : high;
  }
  const space = (window.dash_clientside = window.dash_clientside || {});
  space.coldchain = Object.assign(space.coldchain || {}, {
    chartToMap: function (hover, track) {
      const plot = document.querySelector("#route-map .js-plotly-plot");
      const point = hover && hover.points && hover.points[0];
      if (!plot || !plot.data || !point || typeof point.customdata !== "number" || !track || !track.time.length) return;
      const place = nearest(track.time, point.customdata);
      const index = plot.data.findIndex((trace) => trace.meta === "cursor");
      if (index >= 0) window.Plotly.restyle(plot, { lon: [[track.lon[place]]], lat: [[track.lat[place]]] }, [index]);
    },
    mapToChart: function (hover) {
      const plot = document.querySelector("#series-chart .js-plotly-plot");
      const point = hover && hover.points && hover.points[0];
      if (!plot || !plot.layout || !point || typeof point.customdata !== "number") return;
      const shapes = (plot.layout.shapes || []).filter((shape) => shape.name !== "cursor");
      const when = new Date(point.customdata).toISOString().replace("Z", "");
      shapes.push({ type: "line", name: "cursor", x0: when, x1: when, yref: "paper", y0: 0, y1: 1, line: { width: 1, dash: "dot", color: getComputedStyle(root).getPropertyValue("--dim") } });
      window.Plotly.relayout(plot, { shapes });
    },
    current: function (path) {
      document.querySelectorAll(".nav a").forEach((link) => {
        const own = link.getAttribute("href");
        const here = own === "/" ? path === "/" : path === own || path.startsWith(own + "/");
        if (here) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
      });
      return false;
    },
    burger: function (opened) { return { width: 208, breakpoint: "sm", collapsed: { mobile: !opened } }; },
    download: function (asked) {
      if (asked && asked.to) { const link = document.createElement("a"); link.href = asked.to; link.download = ""; document.body.append(link); link.click(); link.remove(); }
    },
    dropAlarm: function (clicks, opened) {
      const asked = window.dash_clientside.callback_context.triggered.map((item) => item.prop_id).join();
      if (asked.startsWith("ack-dialog") && opened) return [space.no_update, space.no_update];
      return [null, ""];
    },
    ready: function () { setTimeout(() => { paint(); zone(); if (window.coldchainLive.state) props("live", { data: window.coldchainLive.state }); }, 0); return space.no_update; },
  });

  dark.addEventListener("change", paint);
  paint();
  addEventListener("DOMContentLoaded", zone);
})();
