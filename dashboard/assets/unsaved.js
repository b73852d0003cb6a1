// What somebody typed is not lost by a stray click: leaving a form with changes that are not saved asks first.
(function () {
  "use strict";
  const ASK = "Your changes are not saved. Leave the page without them?";
  let typing = false, leaving = false;

  function unsaved() {
    return !leaving && (typing || document.querySelector('[data-unsaved="true"]') !== null);
  }

  // Between a key and the server's word on it the form counts as changed.
  document.addEventListener("input", (event) => {
    if (event.target.closest && event.target.closest("[data-guarded]")) typing = true;
  }, true);
  new MutationObserver((changes) => {
    const told = (change) => change.target.closest && change.target.closest("[data-tells-unsaved]");
    if (changes.some(told)) typing = false;
    if (!document.querySelector("[data-guarded]")) { typing = false; leaving = false; }
  }).observe(document.documentElement, { childList: true, subtree: true });

  window.addEventListener("beforeunload", (event) => {
    if (!unsaved()) return;
    event.preventDefault();
    event.returnValue = ASK; // older browsers ask only with words
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest("a[href]");
    if (!link || link.target === "_blank" || link.hasAttribute("download") || event.metaKey || event.ctrlKey) return;
    if (link.getAttribute("href").startsWith("#") || !unsaved()) return;
    if (window.confirm(ASK)) { leaving = true; return; }
    event.preventDefault();
    event.stopPropagation();
  }, true);
})();
