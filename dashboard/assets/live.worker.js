// One event stream for all tabs of this browser: a plain EventSource per tab would use up its six connections.
"use strict";
importScripts("/assets/live.merge.js");

const RETRY_MS = 3000;
const ports = new Set();
let source = null;
let state = null;
let heard = 0;

function tell(message) {
  ports.forEach((port) => port.postMessage(message));
}

function take(event) {
  heard = Date.now();
  let message = null;
  try { message = JSON.parse(event.data); } catch (error) { return; }
  if (message.kind === "snapshot" || message.kind === "delta") {
    const next = coldchainMerge(state, message);
    if (next === null) return reopen(0);
    state = next;
    tell({ type: "state", state, sent: heard });
  } else {
    tell({ type: "beat", message, sent: heard });
  }
}

function reopen(after) {
  if (source) source.close();
  source = null;
  setTimeout(open, after);
}

function open() {
  if (source || ports.size === 0) return;
  source = new EventSource("/api/v1/events");
  source.onopen = () => { heard = Date.now(); tell({ type: "beat", sent: heard }); };
  source.onmessage = take;
  source.addEventListener("signed_out", () => tell({ type: "signed_out" }));
  source.onerror = () => {
    // CLOSED means that the server refused (signed out, or too many streams): the browser will not retry by itself.
    if (source && source.readyState === EventSource.CLOSED) { tell({ type: "refused" }); reopen(RETRY_MS); }
  };
}

self.onconnect = (event) => {
  const port = event.ports[0];
  ports.add(port);
  port.onmessage = (message) => {
    if (message.data !== "bye") return;
    ports.delete(port);
    if (ports.size === 0 && source) { source.close(); source = null; }
  };
  if (state) port.postMessage({ type: "state", state, sent: heard });
  open();
};
