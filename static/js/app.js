/* The product's script: everything here makes a link or a form kinder; without it, the links and forms still work. */
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

  /* --- The flyout: a <dialog> that the server has rendered open, or that a row's link brings --- */
  let opener = null;
  let started = false;

  const flyout = () => $("dialog.flyout:not(.as-page)");
  const openId = (url) => new URL(url, location.href).searchParams.get("open");

  function showModal(dialog) {
    if (!dialog) return;
    if (!dialog.matches(":modal")) { dialog.removeAttribute("open"); dialog.showModal(); }
    ($("h2", dialog) || dialog).focus();
    markRow();
  }

  function markRow() {
    const id = openId(location.href);
    $$("tr[data-open]").forEach((row) => row.classList.toggle("on", row.dataset.open === id));
  }

  async function load(url) {
    const slot = $("#flyout");
    const response = await fetch(url, { headers: { "HX-Request": "true", "HX-Target": "flyout" }, credentials: "same-origin" });
    if (response.redirected || !response.ok) { location.href = url; return false; }
    slot.innerHTML = await response.text();
    if (window.htmx) window.htmx.process(slot);
    showModal(flyout());
    return true;
  }

  async function openFlyout(url, push) {
    try {
      if (push) history.pushState({ flyout: true }, "", url);
      await load(url);
    } catch { location.href = url; }
  }

  /* The focus goes back to the row's link, also where an address and not a click had opened the flyout. */
  function removeFlyout() {
    const dialog = flyout();
    if (!dialog) return;
    const marked = $("tr[data-open].on a.t");
    if (dialog.open) dialog.close();
    dialog.remove();
    markRow();
    const row = marked || (document.contains(opener) ? opener : null);
    if (row) row.focus();
  }

  function closeFlyout() {
    if (!flyout()) return;
    if (history.state && history.state.flyout) { history.back(); return; }
    const url = new URL(location.href);
    url.searchParams.delete("open");
    history.replaceState({}, "", url);
    removeFlyout();
  }

  function neighbour(step) {
    const links = $$("tr[data-open] a.t");
    const at = links.findIndex((link) => openId(link.href) === openId(location.href));
    const next = links[at + step];
    if (at < 0 || !next) return;
    opener = next;
    history.replaceState({ flyout: true, ...history.state }, "", next.href);
    load(next.href);
  }

  window.addEventListener("popstate", () => {
    if (openId(location.href)) load(location.href); else removeFlyout();
  });

  /* --- Clicks: rows, flyout links, toasts --- */
  document.addEventListener("click", (event) => {
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    const target = event.target;
    const dismiss = target.closest("[data-dismiss]");
    if (dismiss) { dismiss.closest(".toast-x").remove(); return; }
    const copy = target.closest("[data-copy]");
    if (copy) { navigator.clipboard.writeText(copy.dataset.copy); return; }
    if (!plain) return;
    if (target.closest("[data-flyout-close]")) { event.preventDefault(); closeFlyout(); return; }
    const step = target.closest("[data-flyout-step]");
    if (step) { event.preventDefault(); neighbour(Number(step.dataset.flyoutStep)); return; }
    const dialog = flyout();
    if (dialog && target === dialog) { closeFlyout(); return; }
    const row = target.closest("tr[data-open], tr[data-href]");
    const link = target.closest("a.t") || (row && !target.closest("a, button, input, label, summary") && $("a.t", row));
    if (!link || String(getSelection())) return;
    if (link.closest("tr[data-open]") && $("#flyout")) { event.preventDefault(); opener = link; openFlyout(link.href, true); }
    else if (!target.closest("a")) link.click();
  });

  document.addEventListener("cancel", (event) => {
    if (event.target === flyout()) { event.preventDefault(); closeFlyout(); }
  }, true);

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const suggestions = $("#suggestions");
      if (suggestions) suggestions.replaceChildren();
      const menu = $("details.menu[open]");
      if (menu) { menu.open = false; $("summary", menu).focus(); }
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
    if (flyout() && (event.key === "j" || event.key === "k")) neighbour(event.key === "j" ? 1 : -1);
    if (event.key === "/" && !flyout()) {
      const search = $("input[type=search]");
      if (search) { event.preventDefault(); search.focus(); }
    }
  });

  /* --- Menus close when something else is clicked --- */
  document.addEventListener("click", (event) => {
    $$("details.menu[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });

  /* --- Forms: send once; a select marked so sends by itself --- */
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) { event.preventDefault(); return; }
    if (form.method === "post") {
      form.dataset.sent = "1";
      setTimeout(() => $$("button[type=submit]", form).forEach((button) => { button.disabled = true; }));
    } else {
      $$("input, select", form).forEach((field) => {
        if (field.name && !field.value) { field.disabled = true; field.dataset.blank = "1"; }
      });
    }
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-sends]")) event.target.form.requestSubmit();
  });
  /* --- The tick in a table's head ticks all of its rows, and shows what they are --- */
  document.addEventListener("change", (event) => {
    const table = event.target.closest("table");
    const head = table && $("[data-ticks]", table);
    if (!head) return;
    const ticks = $$(`tbody input[name="${head.dataset.ticks}"]`, table);
    if (event.target === head) ticks.forEach((tick) => { tick.checked = head.checked; });
    head.checked = ticks.every((tick) => tick.checked);
    head.indeterminate = !head.checked && ticks.some((tick) => tick.checked);
  });
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    $$("[data-blank]").forEach((field) => { field.disabled = false; delete field.dataset.blank; });
    $$("form[data-sent]").forEach((form) => {
      delete form.dataset.sent;
      $$("button[type=submit]", form).forEach((button) => { button.disabled = false; });
    });
  });

  /* --- Partial updates that fail say so --- */
  document.addEventListener("htmx:responseError", (event) => {
    const status = event.detail.xhr.status;
    if (status === 401 || status === 403) location.reload();
  });

  document.addEventListener("DOMContentLoaded", start);
  if (document.readyState !== "loading") start();

  function start() {
    if (started) return;
    started = true;
    $$("[data-fades]").forEach((toast) => setTimeout(() => toast.remove(), 8000));
    $$("[data-only-script]").forEach((element) => { element.hidden = false; });
    showModal(flyout());
    const summary = $("[data-focus]");
    if (summary) summary.focus();
  }
})();
