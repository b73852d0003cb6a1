// Bringing a file in: choosing or dropping it, sending it with what was said about it, and showing how far that is.
(function () {
  "use strict";
  const space = (window.dash_clientside = window.dash_clientside || {});
  const LARGEST = 64 * 1024 * 1024;
  let file = null, turn = 0;

  function props(id, values) {
    try { window.dash_clientside.set_props(id, values); } catch (error) { /* not on this page */ }
  }

  function take(chosen) {
    if (!chosen) return;
    file = chosen;
    const shown = document.getElementById("file-name");
    if (shown) shown.textContent = chosen.name + ", " + (chosen.size < 1e5 ? (chosen.size / 1e3).toFixed(1) + " kB" : (chosen.size / 1e6).toFixed(1) + " MB");
    props("file-chosen", { data: { name: chosen.name, size: chosen.size, at: Date.now() } });
  }

  function token() {
    const pair = document.cookie.split("; ").find((row) => /^(__Host-)?coldchain-csrf=/.test(row)) || "";
    return pair.slice(pair.indexOf("=") + 1);
  }

  function progress(share) {
    const bar = document.getElementById("file-progress");
    if (!bar) return;
    bar.hidden = share === null;
    if (share !== null && share < 1) bar.value = share; else bar.removeAttribute("value");
  }

  // XMLHttpRequest, because `fetch` does not say how much of a body has been sent.
  function send(path, said) {
    return new Promise((done) => {
      if (file.size > LARGEST) {
        done({ status: 413, body: { detail: file.name + " is larger than 64 MB: import it with coldchain import, in parts" } });
        return;
      }
      const form = new FormData(), request = new XMLHttpRequest();
      form.append("file", file, file.name);
      Object.entries(said).forEach(([name, value]) => { if (value) form.append(name, value); });
      request.open("POST", path);
      request.setRequestHeader("X-CSRF-Token", token());
      request.upload.onprogress = (event) => progress(event.lengthComputable ? event.loaded / event.total : 1);
      request.onload = () => {
        progress(null);
        if (request.status === 401) window.coldchainSignedOut();
        let body = { detail: "The server answered " + request.status };
        try { body = JSON.parse(request.responseText); } catch (error) { /* the sentence above says enough */ }
        done({ status: request.status, body });
      };
      request.onerror = () => { progress(null); done({ status: 0, body: { detail: "The server could not be reached; try again" } }); };
      progress(0);
      request.send(form);
    });
  }

  function said(zone, logger, mapping, order, body, confirm) {
    const own = body ? JSON.stringify(body) : mapping;
    return { zone: (zone || "").trim(), logger: (logger || "").trim(), mapping: own, order, confirm: (confirm || []).some(Boolean) ? "true" : "" };
  }

  // A file that was imported, taken from where it is kept.
  async function fetched(sha) {
    const answer = await fetch("/api/v1/files/" + encodeURIComponent(sha));
    if (answer.status === 401) window.coldchainSignedOut();
    if (!answer.ok) return;
    const named = /filename="([^"]*)"/.exec(answer.headers.get("Content-Disposition") || "");
    take(new File([await answer.blob()], named ? named[1] : "file"));
  }

  space.files = {
    ready: function (_id, kept) {
      setTimeout(() => {
        const box = document.getElementById("file-input-box");
        if (!box || box.firstChild) return;
        const input = document.createElement("input"), drop = document.getElementById("file-drop");
        input.type = "file";
        input.id = "file-input";
        input.addEventListener("change", () => take(input.files[0]));
        box.append(input);
        file = null;
        if (kept) fetched(kept);
        ["dragenter", "dragover"].forEach((kind) => drop.addEventListener(kind, (event) => { event.preventDefault(); drop.dataset.over = "1"; }));
        ["dragleave", "drop"].forEach((kind) => drop.addEventListener(kind, (event) => { event.preventDefault(); drop.dataset.over = "0"; }));
        drop.addEventListener("drop", (event) => take(event.dataTransfer.files[0]));
      }, 0);
      return space.no_update;
    },
    preview: async function (chosen, ...fields) {
      if (!chosen || !file) return space.no_update;
      const mine = ++turn;
      const found = await send("/api/v1/files/preview", said(...fields));
      if (mine !== turn) return space.no_update;
      window.coldchainSay(found.status === 200 ? "Preview shown" : "The file was refused", "polite");
      return found;
    },
    store: async function (clicks, found, ...fields) {
      if (!(clicks || []).some(Boolean) || !file || !found || found.status !== 200) return space.no_update;
      const words = said(...fields);
      // Whoever presses the button has seen what the titles were taken for.
      if (!words.mapping && found.body.mapping_how === "proposed") words.mapping = "generic";
      const done = await send("/api/v1/files", words);
      window.coldchainSay(done.status < 300 && done.status ? "The file is imported" : "The file was refused", "assertive");
      return done;
    },
    again: async function (clicks, found, reason, ...fields) {
      if (!(clicks || []).some(Boolean) || !file || !found || found.status !== 200) return space.no_update;
      const words = said(...fields), own = fields[4];
      if (!words.mapping && found.body.mapping_how === "proposed") words.mapping = "generic";
      const body = { ...words, mapping: own || words.mapping, confirm: words.confirm === "true", reason: (reason || [])[0] || "" };
      if (!body.reason.trim()) return { status: 422, body: { detail: "The reason is missing: say why the file is read again" }, at: Date.now() };
      const headers = { "Content-Type": "application/json", "X-CSRF-Token": token() };
      let done = { status: 0, body: { detail: "The server could not be reached; try again" } };
      try {
        const answer = await fetch("/api/v1/files/" + found.body.sha256 + "/again", { method: "POST", headers, body: JSON.stringify(body) });
        if (answer.status === 401) window.coldchainSignedOut();
        done = { status: answer.status, body: await answer.json() };
      } catch (error) { /* the sentence above says enough */ }
      window.coldchainSay(done.status === 200 ? "The file is read again" : "The file was not read again", "assertive");
      return done;
    },
  };
})();
