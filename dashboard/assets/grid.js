// Cells of the grids, the grids' theme, and their refresh when the live state has changed.
(function () {
  "use strict";
  const cells = (window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {});
  const functions = (window.dashAgGridFunctions = window.dashAgGridFunctions || {});
  const make = (...parts) => window.React.createElement(...parts);
  const STATUS = { in_range: "in range", at_risk: "at risk", excursion: "excursion", unknown: "unknown" };

  cells.ColdLink = (props) => (props.data ? make("a", { href: props.data.href }, props.value) : "");
  cells.ColdStatus = (props) => (props.value ? make("span", { className: "status", "data-status": props.value }, STATUS[props.value] || props.value) : "");
  cells.ColdSeverity = (props) => (props.value ? make("span", { className: "severity", "data-severity": props.value }, props.value[0].toUpperCase() + props.value.slice(1)) : "");
  cells.ColdTime = (props) => (props.value ? make("time", { dateTime: props.value, "data-show": (props.colDef.cellRendererParams || {}).show || "minute" }, props.value) : "–");
  cells.ColdAge = (props) => (props.value ? make("time", { dateTime: props.value, "data-show": "ago" }, props.value) : "–");
  cells.ColdCondition = (props) => (props.data && props.data.troubles.length
    ? make("span", { className: "status", "data-status": "at_risk" }, props.value) : make("span", { className: "dim" }, props.value));
  cells.ColdDownload = (props) => (props.value ? make("a", { href: props.value, download: "" }, "Download again") : "");
  functions.coldDash = (value) => (value === null || value === undefined || value === "" ? "–" : String(value));

  // Grids that scroll through the database ask again when the live state has changed, at most every three seconds.
  const ENDLESS = ["shipments", "excursions"];
  let refreshed = 0;
  addEventListener("coldchain-live", () => {
    const id = ENDLESS.find((name) => document.getElementById(name));
    if (!id || Date.now() - refreshed < 3000) return;
    refreshed = Date.now();
    window.dash_ag_grid.getApiAsync(id).then((api) => api.refreshInfiniteCache()).catch(() => null);
  });

  const space = (window.dash_clientside = window.dash_clientside || {});
  space.coldchain = Object.assign(space.coldchain || {}, {
    refilterGrid: function () {
      const asked = window.dash_clientside.callback_context.inputs_list, id = arguments[arguments.length - 1];
      const query = new URLSearchParams();
      asked.forEach((input) => { if (input.value) query.set(input.id.slice(id.length + 1), input.value); });
      const wanted = location.pathname + (query.size ? "?" + query : "");
      if (wanted !== location.pathname + location.search) history.replaceState(history.state, "", wanted);
      // The server reads the filters with the next request: ask on the next turn, when they are set.
      setTimeout(() => window.dash_ag_grid.getApiAsync(id).then((api) => api.purgeInfiniteCache()).catch(() => null), 0);
    },
  });
})();
