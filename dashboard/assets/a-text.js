// Words and numbers, the same as `dashboard/parts/text.py` writes them on the server.
(function () {
  "use strict";
  const MINUTE = 60000, HOUR = 3600000, DAY = 86400000;
  const text = (window.coldchainText = {});

  text.age = function (ms) {
    ms = Math.max(0, ms);
    if (ms < MINUTE) return Math.floor(ms / 1000) + " s";
    if (ms < HOUR) return Math.floor(ms / MINUTE) + " min";
    if (ms < 2 * DAY) {
      const minutes = Math.floor((ms % HOUR) / MINUTE);
      return Math.floor(ms / HOUR) + " h" + (minutes ? " " + minutes + " min" : "");
    }
    const hours = Math.floor((ms % DAY) / HOUR);
    return Math.floor(ms / DAY) + " d" + (hours ? " " + hours + " h" : "");
  };

  // As many decimals as keep the value on its side of the limit: 8.04 °C is never shown as 8.0 °C.
  text.celsius = function (value, limit) {
    if (value === undefined || value === null) return "–";
    for (let places = 1; places < 3; places++) {
      const shown = Number(value.toFixed(places));
      if (limit === undefined || limit === null || Math.sign(shown - limit) === Math.sign(value - limit)) return minus(value.toFixed(places)) + " °C";
    }
    return minus(value.toFixed(3)) + " °C";
  };
  function minus(shown) { return (Number(shown) === 0 ? shown.replace("-", "") : shown).replace("-", "−"); }
  text.limit = function (value) { return minus(String(value)) + " °C"; };

  // Humidity is measured in per cent.
  const HUMIDITY = { humidity_high: "high", humidity_low: "low" };
  text.amount = function (alarm, value) {
    const shown = text.celsius(value, alarm.limit_c);
    return alarm.cause in HUMIDITY ? shown.replace("°C", "% RH") : shown;
  };

  text.cause = function (alarm) {
    const limit = alarm.limit_c === undefined ? "" : " " + text.limit(alarm.limit_c);
    if (alarm.cause === "high") return "above" + limit;
    if (alarm.cause === "low") return "below" + limit;
    if (alarm.cause in HUMIDITY && limit) return (HUMIDITY[alarm.cause] === "high" ? "above" : "below") + limit.replace("°C", "% RH");
    if (alarm.cause === "silence") return "silent";
    return alarm.cause === "rate" ? "fast change of temperature" : alarm.cause.replaceAll("_", " ");
  };

  // What its farthest value is called: who reads "peak −1.1 °C" looks twice.
  text.extreme = function (row) { return ["low", "humidity_low"].includes(row.direction || row.cause) ? "lowest " : "peak "; };

  const zoneOf = () => (document.body && document.body.dataset.zone) || "UTC";
  const formats = {};
  function format(zone, kind) {
    const key = zone + kind;
    if (!formats[key]) {
      const options = { timeZone: zone, hourCycle: "h23", year: "numeric", month: "short", day: "numeric" };
      if (kind !== "date") Object.assign(options, { hour: "2-digit", minute: "2-digit" });
      if (kind === "second") options.second = "2-digit";
      formats[key] = new Intl.DateTimeFormat("en-GB", options);
    }
    return formats[key];
  }
  text.zoneName = function (zone, at) {
    if (zone === "UTC") return "UTC";
    const part = new Intl.DateTimeFormat("en-GB", { timeZone: zone, timeZoneName: "longOffset" })
      .formatToParts(at).find((piece) => piece.type === "timeZoneName").value.replace("GMT", "UTC");
    return part === "UTC" ? "UTC+00:00" : part;
  };
  text.moment = function (iso, kind) {
    const at = new Date(iso), zone = zoneOf();
    if (Number.isNaN(at.getTime())) return "–";
    const shown = format(zone, kind || "minute").format(at).replace(",", "");
    return kind === "date" ? shown : shown + " " + text.zoneName(zone, at);
  };

  // Every <time data-show> on the page is written here, so that the zone switch and the ages need no server.
  function write(element) {
    const iso = element.getAttribute("datetime");
    const show = element.dataset.show;
    if (!iso || !show) return;
    const shown = show === "age" ? text.age(window.coldchainLive.now() - Date.parse(iso))
      : show === "ago" ? text.age(window.coldchainLive.now() - Date.parse(iso)) + " ago" : text.moment(iso, show);
    if (element.textContent !== shown) element.textContent = shown;
    const title = text.moment(iso, "second");
    if (element.title !== title) element.title = title;
  }
  text.writeTimes = function (root) { (root || document).querySelectorAll("time[data-show]").forEach(write); };

  addEventListener("DOMContentLoaded", () => {
    let asked = false;
    new MutationObserver(() => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => { asked = false; text.writeTimes(); });
    }).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ["datetime"] });
    setInterval(() => text.writeTimes(), 1000);
  });
})();
