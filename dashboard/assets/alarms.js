/* Alarm triage: keys on a row, several chosen at once, buttons that open the dialog, and the place kept. */
(function () {
  "use strict";
  let hand = null;

  function props(id, values) {
    try { window.dash_clientside.set_props(id, values); } catch (error) { /* not on this page */ }
  }
  function ask(text) { props("alarm-act", { data: { ask: text, at: Date.now() } }); }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-alarm-act]");
    if (button) ask(button.dataset.alarmAct);
  });

  // --- the on-call calendar, and contacts -----------------------------------------------------------------------------------------
  document.addEventListener("click", (event) => {
    const turn = event.target.closest("[data-duty-from]");
    const back = event.target.closest("[data-duty-end]");
    if (back) props("duty-end", { data: { id: back.dataset.dutyEnd, at: Date.now() } });
    const service = event.target.closest("[data-service-end]");
    if (service) props("service-end", { data: { id: service.dataset.serviceEnd, at: Date.now() } });
    const contact = event.target.closest("[data-contact-act]");
    if (contact) props("contact-act", { data: { ask: contact.dataset.contactAct, at: Date.now() } });
    if (!turn) return;
    const { dutyFrom, dutyTo, dutyLayer, dutyPerson } = turn.dataset;
    props("duty-ask", { data: { from: dutyFrom, to: dutyTo, layer: dutyLayer, person: dutyPerson, at: Date.now() } });
  });

  // --- several at once ----------------------------------------------------------------------------------------------
  // What is chosen is kept here and not in the rows: they are drawn anew whenever an alarm changes.
  const picked = new Map(); // alarm -> "alarm.version" as it was shown when it was chosen
  const unfolded = new Map(); // storm -> how many of its alarms are drawn
  const STEP = 50;
  function drawUnfolded() { props("alarms-unfolded", { data: Object.fromEntries(unfolded) }); }

  function of(box) { return box.dataset.pick.slice(0, box.dataset.pick.lastIndexOf(".")); }
  function paint() {
    const there = new Set();
    document.querySelectorAll("[data-pick]").forEach((box) => {
      there.add(of(box));
      const state = String(picked.has(of(box)));
      if (box.getAttribute("aria-checked") !== state) box.setAttribute("aria-checked", state);
    });
    if (document.getElementById("alarm-rows")) picked.forEach((_, id) => { if (!there.has(id)) picked.delete(id); });
    const bar = document.getElementById("pick-bar");
    const count = document.getElementById("pick-count");
    if (!bar || !count) return;
    const words = picked.size ? picked.size + " chosen" : "";
    if (count.textContent !== words) count.textContent = words;
    if (bar.dataset.any !== String(picked.size > 0)) bar.dataset.any = String(picked.size > 0);
  }
  function toggle(box) {
    if (!picked.delete(of(box))) picked.set(of(box), box.dataset.pick);
    paint();
  }
  function askForPicked(what) { if (picked.size) ask((what || "acknowledge") + (what ? "-many:" : ":") + Array.from(picked.values()).join(",")); }

  document.addEventListener("click", (event) => {
    const box = event.target.closest("[data-pick]");
    const more = event.target.closest("[data-storm-more]");
    if (more) { unfolded.set(more.dataset.stormMore, (unfolded.get(more.dataset.stormMore) || 0) + STEP); drawUnfolded(); }
    if (box) toggle(box);
    else if (event.target.closest("[data-pick-ack]")) askForPicked();
    else if (event.target.closest("[data-pick-act]")) askForPicked(event.target.closest("[data-pick-act]").dataset.pickAct);
    else if (event.target.closest("[data-pick-clear]")) { picked.clear(); paint(); }
  });
  document.addEventListener("toggle", (event) => {
    const key = event.target.dataset && event.target.dataset.storm;
    if (!key || event.target.open === unfolded.has(key)) return;
    if (event.target.open) unfolded.set(key, STEP); else unfolded.delete(key);
    drawUnfolded();
  }, true);

  // --- keys ---------------------------------------------------------------------------------------------------------
  const KEYS = { s: ["shelve", "unshelve"], c: ["comment"], h: ["assign"], r: ["reset"] };

  function act(row, key) {
    const can = (row.dataset.can || "").split(" ");
    if (key === "o") { row.querySelector("a, summary").click(); return true; }
    if (key === "x") { const box = row.querySelector("[data-pick]"); if (box) toggle(box); return Boolean(box); }
    if (key === "a") {
      const all = row.querySelector(":scope > .acts > [data-storm]");
      if (all) { all.click(); return true; }
      if (can.includes("acknowledge") && !row.querySelector("[data-ack]")) { props("ack-alarm", { data: row.dataset.alarm }); return true; }
      return false;
    }
    const wanted = (KEYS[key] || []).find((one) => can.includes(one));
    if (wanted) ask(wanted + ":" + row.dataset.alarm);
    return Boolean(wanted);
  }

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable], .ag-root");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || localStorage.getItem("coldchain-keys") === "off") return;
    if (document.querySelector(".mantine-Modal-content, .mantine-Drawer-content")) return;
    if (event.key === "A") { if (picked.size) { event.preventDefault(); askForPicked(); } return; }
    const row = document.querySelector("#alarm-rows .at-hand");
    if (row && act(row, event.key)) event.preventDefault();
  });

  // --- the place ------------------------------------------------------------------------------------------------------
  // The list is drawn anew whenever an alarm changes, and a row's element may then show another alarm: who works down it
  // keeps the alarm at hand, where it stood on the screen, what was focused in it, the choice, and what is unfolded.
  let part = "a"; // what is focused in the row at hand, in words that find it again
  let top = null; // where the row at hand stood on the screen
  let place = 0; // and which in the list it was
  let lost = false; // the focus went with what was focused, while a dialog was open

  function rowOf(id) { return document.querySelector('#alarm-rows [data-alarm="' + CSS.escape(id) + '"]'); }
  function placed() {
    const row = document.querySelector("#alarm-rows .at-hand");
    if (!row || row.dataset.alarm !== hand) return;
    top = row.getBoundingClientRect().top;
  }
  function shownRows() { return Array.from(document.querySelectorAll("#alarm-rows .alarm-row")).filter((row) => row.getClientRects().length); }
  function inDialog() { return Boolean(document.querySelector(".mantine-Modal-content, .mantine-Drawer-content")); }
  function focusPart(row) {
    const found = [":scope > .acts " + part, ":scope > " + part, ":scope > .what " + part].map((one) => row.querySelector(one)).find(Boolean);
    (found || row.querySelector("a, summary")).focus({ preventScroll: true });
  }
  addEventListener("scroll", placed, { passive: true });
  function partOf(element) {
    if (element.dataset.ack) return "[data-ack]";
    if (element.dataset.alarmAct) return '[data-alarm-act^="' + element.dataset.alarmAct.split(":")[0] + ':"]';
    if (element.dataset.pick) return "[data-pick]";
    return element.matches("summary") ? "summary" : "a";
  }

  document.addEventListener("focusin", (event) => {
    const row = event.target.closest("#alarm-rows .alarm-row");
    if (!row) return;
    hand = row.dataset.alarm;
    part = partOf(event.target);
    document.querySelectorAll("#alarm-rows .at-hand").forEach((one) => one.classList.toggle("at-hand", one === row));
    row.classList.add("at-hand");
    place = shownRows().indexOf(row);
    placed();
  });

  function takeUp() {
    const rows = document.getElementById("alarm-rows");
    if (!hand || !rows) return;
    const marked = rows.querySelector(".at-hand");
    const focused = document.activeElement;
    if (marked && marked.dataset.alarm === hand) {
      if (lost && focused === document.body && !inDialog()) { lost = false; focusPart(marked); }
      return;
    }
    const left = shownRows();
    const row = rowOf(hand) || marked || left[Math.min(place, left.length - 1)]; // of what has gone, the one that took its place
    if (!row) return;
    const held = !inDialog() && (focused === document.body || (marked && marked.contains(focused)));
    lost = !held;
    if (marked) marked.classList.remove("at-hand");
    row.classList.add("at-hand");
    if (row.dataset.alarm === hand && top !== null) scrollBy(0, row.getBoundingClientRect().top - top);
    hand = row.dataset.alarm;
    if (held) focusPart(row);
    place = Math.max(0, left.indexOf(row));
    placed();
  }

  new MutationObserver(() => {
    const view = document.querySelector('.alarm-views [aria-current="page"]:not([data-seen])');
    if (view) { // on a phone the views are wider than the screen
      view.dataset.seen = "1";
      view.parentElement.scrollLeft = view.offsetLeft - view.parentElement.offsetLeft - 12;
    }
    if (document.getElementById("alarm-rows")) {
      document.querySelectorAll("details[data-storm]").forEach((one) => {
        const open = unfolded.has(one.dataset.storm);
        if (one.open !== open) one.open = open;
      });
    }
    paint();
    takeUp();
  }).observe(document.documentElement, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-alarm"] });

  const space = (window.dash_clientside = window.dash_clientside || {});
  space.coldchain_alarms = {
    // A short sign of the alarms as they are: the server is asked again only when it is another one.
    changed: function (state, seen) {
      if (!state || !state.alarms) return window.dash_clientside.no_update;
      const now = state.alarms.map((row) => row.id.slice(0, 8) + "." + row.version).sort().join(" ");
      return now === seen ? window.dash_clientside.no_update : now;
    },
    qualityAddress: function (days) {
      const wanted = "/alarm-quality" + (days && days !== "28" ? "?days=" + days : "");
      if (location.pathname === "/alarm-quality") history.replaceState(history.state, "", wanted);
    },
  };
})();
