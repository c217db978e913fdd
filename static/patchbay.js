// Eases what works without it: keys, menus that close, times in the reader's zone, uploads and builds that show how far.
"use strict";

const typing = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;

function walk(selector, step) {
  const found = [...document.querySelectorAll(selector)].filter((each) => each.checkVisibility?.() ?? true);
  if (found.length === 0) return;
  const at = found.findIndex((each) => each.contains(document.activeElement));
  const next = found[Math.min(Math.max(at < 0 && step < 0 ? found.length - 1 : at + step, 0), found.length - 1)];
  next.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const acts = {
    "/": () => document.getElementById("masthead-q")?.focus(),
    j: () => walk(".row-title", 1),
    k: () => walk(".row-title", -1),
    n: () => walk(".remark-item summary", 1),
    p: () => walk(".remark-item summary", -1),
    "?": () => document.getElementById("keys")?.showModal(),
  };
  if (acts[event.key]) {
    event.preventDefault();
    acts[event.key]();
  }
});

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll(".menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll(".menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// A reader who stands at the end of a running log stays at its end; one who scrolled up is left in peace.
let follows = false;
const running = document.querySelector(".log:has(.log-wait[hx-get])");
if (running) running.scrollTop = running.scrollHeight;
document.addEventListener("htmx:beforeSwap", () => {
  const log = document.querySelector(".log");
  follows = log !== null && log.scrollHeight - log.scrollTop - log.clientHeight < 60;
});
document.addEventListener("htmx:afterSettle", () => {
  const log = document.querySelector(".log");
  if (log && follows) log.scrollTop = log.scrollHeight;
});

// Times in the browser's zone, for those who chose none in their settings.
const zoned = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
function tellTimes(root) {
  if (document.documentElement.dataset.zone) return;
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (!Number.isNaN(moment.getTime())) time.title = zoned.format(moment);
  }
}
tellTimes(document);
document.addEventListener("htmx:afterSettle", (event) => tellTimes(event.target));

// A running build beside what builds like it took.
for (const bar of document.querySelectorAll(".estimate[data-since]")) {
  const since = new Date(bar.dataset.since).getTime();
  const tick = () => {
    bar.value = Math.min((Date.now() - since) / 1000, bar.max);
  };
  tick();
  setInterval(tick, 1000);
}

// An upload shows how far it is; without script the browser's own sign is all there is.
function send(form) {
  const bar = form.querySelector(".upload") ?? form.appendChild(document.createElement("p"));
  const [meter, words] = [document.createElement("progress"), document.createElement("span")];
  const buttons = [...form.querySelectorAll("button")];
  const request = new XMLHttpRequest();
  bar.className = "upload";
  bar.setAttribute("role", "status");
  meter.setAttribute("aria-label", "Sent");
  bar.replaceChildren(meter, " ", words);
  for (const button of buttons) button.disabled = true;
  const failed = (sentence) => {
    for (const button of buttons) button.disabled = false;
    bar.textContent = sentence;
  };
  request.upload.addEventListener("progress", (event) => {
    if (!event.lengthComputable) return;
    meter.max = event.total;
    meter.value = event.loaded;
    const share = Math.floor((100 * event.loaded) / event.total);
    words.textContent = event.loaded < event.total ? `${share} % sent` : "Sent; it is being stored …";
  });
  request.addEventListener("load", () => {
    if (request.status < 400 && request.responseURL !== form.action) {
      location.assign(request.responseURL);
      return;
    }
    const page = new DOMParser().parseFromString(request.responseText, "text/html");
    const main = page.querySelector("main");
    if (main === null) {
      failed("The site did not take it. Send it again.");
      return;
    }
    document.querySelector("main").replaceWith(main);
    document.title = page.title;
    globalThis.htmx?.process(main);
    main.focus();
    scrollTo(0, 0);
  });
  request.addEventListener("error", () => failed("The connection broke. What you wrote is still here: send it again."));
  request.open("POST", form.action);
  request.send(new FormData(form));
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-upload]") || event.submitter?.name) return;
  if (![...form.querySelectorAll("input[type=file]")].some((input) => input.files.length > 0)) return;
  event.preventDefault();
  send(form);
});
