// The workbench: copying what is shown, and choosing a source, a message or a field.
(function () {
  "use strict";
  function props(id, values) {
    try { window.dash_clientside.set_props(id, values); } catch (error) { /* not on this page */ }
  }

  async function copy(button) {
    const target = document.getElementById(button.dataset.copy);
    if (!target) return;
    let done = false;
    try { await navigator.clipboard.writeText(target.textContent); done = true; } catch (error) { done = byHand(target); }
    button.textContent = done ? "Copied" : "Select and copy";
    window.coldchainSay(done ? "Copied" : "The browser does not allow copying; the text is selected", "polite");
    setTimeout(() => { button.textContent = "Copy"; }, 2500);
  }

  // Outside https the browser has no clipboard for scripts: the text is selected, and its old way is tried.
  function byHand(target) {
    const range = document.createRange(), chosen = getSelection();
    range.selectNodeContents(target);
    chosen.removeAllRanges();
    chosen.addRange(range);
    return document.execCommand("copy");
  }

  document.addEventListener("click", (event) => {
    const copies = event.target.closest("[data-copy]");
    if (copies) { copy(copies); return; }
    const sets = event.target.closest("[data-set]");
    if (!sets) return;
    document.querySelectorAll('[data-set="' + sets.dataset.set + '"]').forEach((other) =>
      other.setAttribute("aria-pressed", String(other === sets)));
    props(sets.dataset.set, { data: sets.dataset.value });
  });
})();
