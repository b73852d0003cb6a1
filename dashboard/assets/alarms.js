/* Alarm triage: keys on a row, buttons that open the dialog, and the row at hand kept when the list is drawn anew. */
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

  const KEYS = { s: "shelve", c: "comment" };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable], .ag-root");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || localStorage.getItem("coldchain-keys") === "off") return;
    if (document.querySelector(".mantine-Modal-content, .mantine-Drawer-content")) return;
    const row = document.querySelector("#alarm-rows .at-hand");
    if (!row) return;
    if (event.key === "o") { event.preventDefault(); row.querySelector("a").click(); return; }
    const wanted = KEYS[event.key];
    const button = wanted && Array.from(row.querySelectorAll("[data-alarm-act]")).find((one) => one.dataset.alarmAct.startsWith(wanted));
    if (button) { event.preventDefault(); button.click(); }
  });

  document.addEventListener("focusin", (event) => {
    const row = event.target.closest("#alarm-rows .alarm-row");
    if (!row) return;
    hand = row.dataset.alarm;
    document.querySelectorAll("#alarm-rows .at-hand").forEach((one) => one.classList.toggle("at-hand", one === row));
    row.classList.add("at-hand");
  });

  // The list is drawn anew when something changed: who works down it keeps the place.
  new MutationObserver(() => {
    if (!hand || !document.getElementById("alarm-rows") || document.querySelector("#alarm-rows .at-hand")) return;
    const row = document.querySelector('#alarm-rows [data-alarm="' + CSS.escape(hand) + '"]');
    if (!row) return;
    row.classList.add("at-hand");
    if (document.activeElement === document.body) row.querySelector("a").focus({ preventScroll: true });
  }).observe(document.documentElement, { childList: true, subtree: true });

  const space = (window.dash_clientside = window.dash_clientside || {});
  space.coldchain_alarms = {
    // A short sign of the alarms as they are: the server is asked again only when it is another one.
    changed: function (state, seen) {
      if (!state || !state.alarms) return window.dash_clientside.no_update;
      const now = state.alarms.map((row) => row.id.slice(0, 8) + "." + row.version).sort().join(" ");
      return now === seen ? window.dash_clientside.no_update : now;
    },
  };
})();
