// How a browser turns a delta into the new state; the worker and the page use the same few lines.
(function (scope) {
  "use strict";
  const LISTS = ["shipments", "excursions", "alarms"];

  scope.coldchainMerge = function (state, message) {
    if (message.kind === "snapshot") return message;
    if (!state) return null;
    const next = Object.assign({}, state, { server_time: message.server_time, engine: message.engine });
    if (message.kpis) next.kpis = message.kpis;
    for (const name of LISTS) {
      if (!message[name]) continue;
      const rows = new Map(state[name].map((row) => [row.id, row]));
      message[name].changed.forEach((row) => rows.set(row.id, row));
      message[name].removed.forEach((id) => rows.delete(id));
      next[name] = Array.from(rows.values());
    }
    return next;
  };
})(typeof self !== "undefined" ? self : this);
