// A dialog's title line is a <header>, which would be one more banner of the page to who listens: it is none.
(() => {
  const lines = ".mantine-Modal-header, .mantine-Drawer-header";
  const quiet = () => {
    for (const line of document.querySelectorAll(lines)) {
      if (line.getAttribute("role") !== "presentation") line.setAttribute("role", "presentation");
    }
  };
  // Watched as it is made: before anybody can listen to it.
  new MutationObserver(quiet).observe(document.documentElement, { childList: true, subtree: true });
  quiet();
})();
