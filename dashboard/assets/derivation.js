// Any number that names its figure opens the panel that says how it was computed.
(function () {
  "use strict";
  let asked = 0;
  document.addEventListener("click", (event) => {
    const number = event.target.closest("[data-derive]");
    if (!number) return;
    event.preventDefault();
    // The count makes the same question a new one: the panel opens again after it was closed.
    try { window.dash_clientside.set_props("derive-asked", { data: { query: number.dataset.derive, count: ++asked } }); } catch (error) { /* not ready */ }
  });

  const space = (window.dash_clientside = window.dash_clientside || {});
  space.coldchain = Object.assign(space.coldchain || {}, {
    openDerivation: function (wanted) {
      return wanted ? [true, "Computing …"] : [space.no_update, space.no_update];
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
