// The page's end of the live view: follow the stream, keep the state, and say honestly how old it is.
(function () {
  "use strict";
  // The server ticks every 2 s: three missed ticks, and what the screen shows is no longer "now".
  const STALE_MS = 6000, OFFLINE_MS = 30000, ENGINE_LATE_MS = 60000, POLL_MS = 5000;
  const live = (window.coldchainLive = { state: null, heard: 0, skew: 0, mode: "connecting", signedOut: false });
  let port = null, source = null, polling = null, telling = null;

  function publish(state, sent) {
    live.heard = sent || Date.now();
    live.state = state;
    live.skew = Date.parse(state.server_time) - live.heard;
    // What listens paints at once; Dash learns of it after that frame.
    dispatchEvent(new Event("coldchain-live"));
    badge();
    if (telling === null) telling = setTimeout(tell, 40);
  }

  function tell() {
    telling = null;
    if (!window.dash_clientside || !window.dash_clientside.set_props) return;
    try { window.dash_clientside.set_props("live", { data: live.state }); } catch (error) { /* the page is not there yet */ }
  }

  function take(message) {
    if (message.type === "state") publish(message.state, message.sent);
    else if (message.type === "beat") {
      live.heard = message.sent || Date.now();
      if (message.message && message.message.server_time) {
        live.skew = Date.parse(message.message.server_time) - live.heard;
        follow(message.message);
      }
      badge();
    } else if (message.type === "refused") check();
    else if (message.type === "signed_out") window.coldchainSignedOut();
  }

  // The server refused the stream: a signed-out person gets the dialog (the wrapped fetch sees the 401).
  function check() {
    fetch("/api/v1/events", { method: "HEAD", headers: { "X-Coldchain-Background": "1" } }).catch(() => null);
  }

  function direct() {
    live.mode = "stream";
    source = new EventSource("/api/v1/events");
    const parse = (event) => {
      let message; try { message = JSON.parse(event.data); } catch (error) { return; }
      if (message.kind === "snapshot" || message.kind === "delta") {
        const next = window.coldchainMerge(live.state, message);
        if (next) publish(next); else { source.close(); direct(); }
      } else take({ type: "beat", message });
    };
    source.onmessage = parse;
    source.addEventListener("signed_out", () => window.coldchainSignedOut());
    source.onerror = () => { if (source.readyState === 2 && !polling) polling = setInterval(poll, POLL_MS); };
  }

  function poll() {
    fetch("/api/v1/live", { headers: { Accept: "application/json", "X-Coldchain-Background": "1" } })
      .then((reply) => (reply.ok ? reply.json() : null)).then((state) => state && publish(state)).catch(() => null);
  }

  function start() {
    if (document.body.dataset.anonymous) return;
    try {
      const worker = new SharedWorker("/assets/live.worker.js", { name: "coldchain-live" });
      worker.onerror = direct;
      port = worker.port;
      port.onmessage = (event) => take(event.data);
      port.start();
      live.mode = "shared";
      addEventListener("pagehide", () => port.postMessage("bye"));
      // A page that comes back from the browser's cache is a new listener.
      addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
    } catch (error) { if (window.EventSource) direct(); else polling = setInterval(poll, POLL_MS); }
    setInterval(badge, 1000);
    badge();
  }

  live.publish = publish;
  live.now = () => Date.now() + live.skew;

  function follow(tick) {
    live.engine = tick.engine || {};
    const moved = live.engine.moved, head = tick.journal && tick.journal.offset;
    if (!moved || !head) return;
    if (moved !== live.moved) { live.moved = moved; live.headJudged = head; }
    live.head = head;
  }

  // On every page, because whoever looks at any of them may be the only one who learns of an alarm now.
  function undelivered() {
    const element = document.getElementById("undelivered");
    const since = (live.engine || (live.state && live.state.engine) || {}).undelivered_since;
    if (!element || element.dataset.since === (since || "")) return;
    element.dataset.since = since || "";
    element.textContent = since
      ? "No message has reached anybody since " + window.coldchainText.moment(since) + ": mail and SMS fail. Tell people by telephone."
      : "";
  }

  function badge() {
    undelivered();
    const element = document.getElementById("live-badge");
    const silent = live.heard ? Date.now() - live.heard : 0;
    // The journal has grown since the engine last moved; one that has nothing to judge stands still and is not late.
    const behind = live.head > live.headJudged ? live.now() - Date.parse(live.moved) : 0;
    const engine = live.engine || {};
    let mode = "live", text = "Live";
    if (!live.heard) { mode = "connecting"; text = "Connecting"; }
    else if (silent >= OFFLINE_MS) { mode = "offline"; text = "Offline " + window.coldchainText.age(silent); }
    else if (silent >= STALE_MS) { mode = "stale"; text = "Stale " + window.coldchainText.age(silent); }
    else if (engine.working === false) { mode = "stale"; text = "Not judging"; }
    else if (engine.receiving === false) { mode = "stale"; text = "Not receiving"; }
    else if (behind >= ENGINE_LATE_MS) { mode = "stale"; text = "Judging " + window.coldchainText.age(behind) + " late"; }
    document.body.dataset.live = mode;
    if (!element || (element.dataset.state === mode && element.textContent === text)) return;
    const announce = element.dataset.state && element.dataset.state !== mode && mode !== "live";
    element.dataset.state = mode;
    element.textContent = text;
    if (announce) window.coldchainSay && window.coldchainSay("The view is " + text.toLowerCase(), "polite");
  }

  if (document.readyState === "loading") addEventListener("DOMContentLoaded", start); else start();
})();
