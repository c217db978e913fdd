// Eases the reading of a change: files load as they are reached, lines are picked, keys go from file to file.
"use strict";
{
  const AT_ONCE = 2; // files on their way
  const AHEAD = "1600px 0px"; // how far beyond the window files load, so that nothing moves under a reader's eyes
  const PLACE = /^#(f[0-9a-f]{10})(?:([LR])(\d+)(?:-[LR]?(\d+))?)?$/;
  const AROUND = 5; // lines shown around one that was hidden

  const isTyping = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;
  const sections = () => [...document.querySelectorAll(".file")];

  // Loading

  const waiting = new Set();
  let busy = 0;

  const distance = (element) => {
    const box = element.getBoundingClientRect();
    return box.top > innerHeight ? box.top - innerHeight : Math.max(0, -box.bottom);
  };

  function fetchInto(element, address) {
    const target = element.closest(".file") ?? element;
    delete element.dataset.load;
    element.setAttribute("aria-busy", "true");
    const words = element.querySelector(".loading");
    if (words) words.textContent = "Loading …";
    return htmx.ajax("GET", address, { target, swap: "outerHTML" });
  }

  async function pump() {
    while (busy < AT_ONCE && waiting.size > 0) {
      const next = [...waiting].sort((one, other) => distance(one) - distance(other))[0];
      waiting.delete(next);
      watcher.unobserve(next);
      if (!next.isConnected || !next.dataset.load) continue;
      busy += 1;
      fetchInto(next, next.dataset.load).finally(() => {
        busy -= 1;
        pump();
      });
    }
  }

  const watcher = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (entry.isIntersecting) waiting.add(entry.target);
        else waiting.delete(entry.target);
      }
      pump();
    },
    { rootMargin: AHEAD },
  );

  function watch(root) {
    for (const element of root.querySelectorAll("[data-load]")) watcher.observe(element);
    if (root.matches?.("[data-load]")) watcher.observe(root);
  }

  // Picking lines

  let first = null; // the line that a range begins with

  const cell = (anchor, side, number) => document.getElementById(`${anchor}${side}${number}`);

  function mark(anchor, side, from, to) {
    for (const old of document.querySelectorAll(".number.picked")) old.classList.remove("picked");
    for (let number = from; number <= to; number += 1) cell(anchor, side, number)?.classList.add("picked");
  }

  async function showLines(section, side, from, to) {
    const anchor = section.id;
    let fold = section.querySelector(".file-fold");
    if (fold) fold.open = true;
    const wait = section.querySelector(".file-wait");
    if (wait) {
      watcher.unobserve(wait);
      const link = section.querySelector(".copy-link");
      await fetchInto(wait, wait.dataset.load ?? `${link.dataset.link}&part=file`);
    }
    if (!cell(anchor, side, from) && side === "R") {
      const link = document.querySelector(`#${anchor} .copy-link`);
      const lines = `${Math.max(1, from - AROUND)}-${Math.min(to, from + 200) + AROUND}`;
      const section_now = document.getElementById(anchor);
      if (link) await htmx.ajax("GET", `${link.dataset.link}&part=file&context=${lines}`, { target: section_now, swap: "outerHTML" });
    }
    fold = document.querySelector(`#${anchor} .file-fold`);
    if (fold) fold.open = true;
    mark(anchor, side, from, to);
    cell(anchor, side, from)?.scrollIntoView({ block: "center", behavior: "instant" });
  }

  function followPlace() {
    const found = PLACE.exec(location.hash);
    const section = found && document.getElementById(found[1]);
    if (!section) return;
    if (!found[2]) {
      section.querySelector(".file-fold")?.setAttribute("open", "");
      section.scrollIntoView({ behavior: "instant" });
      return;
    }
    const from = Number(found[3]);
    first = { anchor: found[1], side: found[2], number: from };
    showLines(section, found[2], from, Math.min(Number(found[4] ?? from), from + 5000));
  }

  function pick(event, link) {
    const found = PLACE.exec(new URL(link.href).hash);
    if (!found?.[2]) return;
    const [, anchor, side, word] = found;
    const number = Number(word);
    const goesOn = event.shiftKey && first?.anchor === anchor && first.side === side;
    const [from, to] = goesOn ? [Math.min(first.number, number), Math.max(first.number, number)] : [number, number];
    event.preventDefault();
    if (!goesOn) first = { anchor, side, number };
    history.replaceState(null, "", `#${anchor}${side}${from}${to > from ? `-${side}${to}` : ""}`);
    mark(anchor, side, from, to);
    document.dispatchEvent(new CustomEvent("lines-picked", { detail: { anchor, side, from, to } }));
  }

  async function copy(button) {
    const section = button.closest(".file");
    const place = location.hash.startsWith(`#${section.id}`) ? location.hash : `#${section.id}`;
    const address = new URL(button.dataset.link + place, location.href).href;
    try {
      await navigator.clipboard.writeText(address);
      button.textContent = "Copied";
    } catch {
      location.assign(address); // the address bar has it then
      return;
    }
    setTimeout(() => (button.textContent = "Copy link"), 2000);
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest(".diff .number > a[href^='#']");
    if (link) pick(event, link);
    const button = event.target.closest(".copy-link");
    if (button) copy(button);
    const leads = event.target.closest(".files-tree a[href*='#f']");
    if (leads) {
      const section = document.getElementById(new URL(leads.href).hash.slice(1));
      if (!section) return; // it is on another page
      event.preventDefault();
      history.replaceState(null, "", `#${section.id}`);
      followPlace();
    }
  });

  // Going from file to file and from change to change

  const top = (element) => element.getBoundingClientRect().top;

  function currentFile() {
    const focused = document.activeElement?.closest(".file");
    if (focused && top(focused) < innerHeight && focused.getBoundingClientRect().bottom > 0) return focused;
    const all = sections();
    return all.filter((section) => top(section) < 120).pop() ?? all[0];
  }

  // What was folded stays where the reader is, instead of taking the page away from under the eyes.
  const keepInSight = (section) => {
    if (top(section) < 0) section.scrollIntoView({ behavior: "instant" });
  };

  function goToFile(step) {
    const all = sections();
    const at = all.findIndex((section) => section === currentFile());
    const isAbove = at === 0 && step > 0 && top(all[0]) > 120 && !all[0].contains(document.activeElement);
    const next = all[isAbove ? 0 : Math.min(Math.max(at + step, 0), all.length - 1)];
    next?.scrollIntoView({ behavior: "instant" });
    next?.querySelector(".file-head h3 a")?.focus({ preventScroll: true });
  }

  const isChanged = (row) => row.matches(".added, .removed, .said") || row.querySelector(":scope > .added, :scope > .removed") !== null;
  let marked = ""; // the file that a key marked, which keeps the focus
  let here = null; // the change that the keys went to last

  function goToChange(step) {
    const rows = [...document.querySelectorAll(".diff > tbody > tr")];
    const starts = rows.filter((row) => isChanged(row) && (row.matches(".said") || !row.previousElementSibling || !isChanged(row.previousElementSibling)));
    const middle = innerHeight / 2;
    let at = here?.isConnected && Math.abs(top(here) - middle) < middle ? starts.indexOf(here) : -1;
    if (at < 0) at = step > 0 ? starts.findLastIndex((row) => top(row) < 80) : starts.findIndex((row) => top(row) > 0);
    const next = starts[at + step];
    if (!next) return;
    here?.classList.remove("here");
    here = next;
    here.classList.add("here");
    here.scrollIntoView({ block: "center", behavior: "instant" });
    const focus = here.querySelector(".line-thread") ?? here.closest(".file").querySelector(".file-head h3 a");
    focus.focus({ preventScroll: true });
  }

  const acts = {
    j: () => goToFile(1),
    k: () => goToFile(-1),
    n: () => goToChange(1),
    p: () => goToChange(-1),
    v: () => {
      const file = currentFile();
      marked = file?.id ?? "";
      file?.querySelector(".file-viewed button")?.click();
    },
    x: () => {
      const file = currentFile();
      const fold = file?.querySelector(".file-fold");
      if (!fold) return;
      fold.open = !fold.open;
      keepInSight(file);
    },
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || !acts[event.key]) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    acts[event.key]();
  }, { capture: true }); // before the keys that every page has

  // What comes later

  document.addEventListener("htmx:load", (event) => {
    const section = event.target.closest?.(".file");
    watch(event.target);
    const entry = section && document.querySelector(`.files-tree [data-for="${section.id}"]`);
    entry?.classList.toggle("is-viewed", section.hasAttribute("data-viewed"));
    if (!section || !section.querySelector(".file-viewed")) return;
    if (section.hasAttribute("data-viewed")) keepInSight(section);
    if (marked === section.id) section.querySelector(".file-head h3 a").focus({ preventScroll: true });
    marked = "";
  });
  document.addEventListener("htmx:responseError", (event) => {
    const words = event.target.querySelector?.(".loading");
    if (words) words.textContent = "It could not be loaded.";
  });
  addEventListener("hashchange", followPlace);
  watch(document);
  followPlace();
}
