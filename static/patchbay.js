// Eases what works without it: "/" goes to the search, j and k walk through a list, menus close, a log follows its end.
"use strict";

const typing = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;

function walk(step) {
  const links = [...document.querySelectorAll(".row-title")];
  if (links.length === 0) return;
  const at = links.indexOf(document.activeElement);
  links[Math.min(Math.max(at + step, 0), links.length - 1)].focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const acts = {
    "/": () => document.getElementById("masthead-q")?.focus(),
    j: () => walk(1),
    k: () => walk(-1),
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
