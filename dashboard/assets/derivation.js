// Any number that names its figure opens the panel that says how it was computed.
(function () {
  "use strict";
  let asked = 0;
  function props(id, values) {
    try { window.dash_clientside.set_props(id, values); } catch (error) { /* not ready */ }
  }

  // The drawer takes no name of ours; it is given its title's as soon as it stands there.
  function named(frames) {
    const panel = document.querySelector(".mantine-Drawer-content");
    if (panel) panel.setAttribute("aria-labelledby", "derive-title");
    else if (frames) requestAnimationFrame(() => named(frames - 1));
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-derive-close]")) props("derive-panel", { opened: false });
    const number = event.target.closest("[data-derive]");
    if (!number) return;
    event.preventDefault();
    // The count makes the same question a new one: the panel opens again after it was closed.
    props("derive-asked", { data: { query: number.dataset.derive, count: ++asked } });
  });

  const space = (window.dash_clientside = window.dash_clientside || {});
  space.coldchain = Object.assign(space.coldchain || {}, {
    openDerivation: function (wanted) {
      if (!wanted) return [space.no_update, space.no_update];
      named(60);
      return [true, "Computing …"];
    },
    // The filters of the summary stay in the address, so that a view can be sent to somebody.
    summaryAddress: function () {
      const query = new URLSearchParams();
      window.dash_clientside.callback_context.inputs_list.forEach((input) => {
        const name = input.id.replace("compliance-", "");
        if (input.value && !(name === "days" && input.value === "30") && !(name === "by" && input.value === "product_profile")) query.set(name, input.value);
      });
      const wanted = "/compliance" + (query.size ? "?" + query : "");
      if (location.pathname === "/compliance" && wanted !== location.pathname + location.search) history.replaceState(history.state, "", wanted);
    },
  });
})();
