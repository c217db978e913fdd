// Eases talking: answers are written where they belong, votes count in place, names complete, nothing typed is lost.
"use strict";

const say = () => document.getElementById("say");
const words = () => say()?.querySelector("textarea");
const kept = () => `said:${location.pathname}`;

function beneath(comment) {
  const form = say();
  const home = comment ? document.querySelector(`#comment-${comment} > details > .remark-acts`) : null;
  form.elements.parent.value = comment || "";
  form.querySelector(".say-to").hidden = !comment;
  form.querySelector(".say-question").hidden = Boolean(comment);
  const link = form.querySelector(".say-to a");
  link.href = `?comment=${comment}#comment-${comment}`;
  const heading = form.querySelector("h2");
  heading.textContent = comment ? "Answer" : heading.dataset.fresh;
  if (comment) form.elements.is_question.checked = false;
  if (home) home.after(form);
  else document.getElementById("acts").after(form);
}

async function quote(comment, href) {
  const chosen = getSelection();
  const prose = document.querySelector(`#comment-${comment} > details > .prose`);
  if (!chosen.isCollapsed && prose?.contains(chosen.anchorNode)) {
    return `${chosen.toString().trim().replace(/^/gm, "> ")}\n\n`;
  }
  const address = new URL(href, location.href);
  address.searchParams.set("part", "form");
  const answer = await fetch(address);
  if (!answer.ok) return "";
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return page.querySelector("textarea").value;
}

document.addEventListener("click", async (event) => {
  const link = event.target.closest("[data-answer], [data-quote]");
  if (!link || !say() || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const { answer, quote: quoted } = link.dataset;
  const text = quoted ? await quote(quoted, link.href) : "";
  beneath(answer ?? quoted);
  const area = words();
  if (text) area.value = area.value.trim() ? `${area.value.trimEnd()}\n\n${text}` : text;
  area.focus();
  area.setSelectionRange(area.value.length, area.value.length);
  keep();
});

// A vote is sent by itself; without script it is the form "acts" that sends it.
document.addEventListener("submit", async (event) => {
  const button = event.submitter;
  const tally = button?.closest(".remark-votes");
  if (event.target.id !== "acts" || !tally) return;
  event.preventDefault();
  const body = new FormData(event.target);
  body.append(button.name, button.value);
  const at = [...tally.querySelectorAll("button")].indexOf(button);
  const answer = await fetch(button.formAction, { method: "POST", body, headers: { "HX-Request": "true" } });
  if (!answer.ok || answer.redirected) {
    location.assign(button.formAction.replace(/vote\/$/, "history/"));
    return;
  }
  const home = tally.parentElement;
  tally.outerHTML = await answer.text();
  home.querySelectorAll(".remark-votes button")[at]?.focus();
});

// What was typed outlives a lost log-in, a closed lid and a wrong key, for as long as the tab does.
function keep() {
  const form = say();
  if (!form) return;
  const text = words().value;
  if (text.trim()) sessionStorage.setItem(kept(), JSON.stringify([form.elements.parent.value, text]));
  else sessionStorage.removeItem(kept());
}

document.addEventListener("input", (event) => {
  if (event.target === words()) keep();
});
document.addEventListener("submit", (event) => {
  if (event.target !== say() || event.submitter?.name === "preview") return;
  sessionStorage.setItem(`sent:${location.pathname}`, words().value);
});

function restore() {
  const sent = sessionStorage.getItem(`sent:${location.pathname}`);
  sessionStorage.removeItem(`sent:${location.pathname}`);
  const [parent, text] = JSON.parse(sessionStorage.getItem(kept()) ?? "[]");
  if (!text || !say() || words().value) return;
  const arrived = sent === text && new URLSearchParams(location.search).has("comment");
  if (arrived) {
    sessionStorage.removeItem(kept());
    return;
  }
  words().value = text;
  if (parent && document.getElementById(`comment-${parent}`)) beneath(parent);
}
restore();

// A comment that the address leads to is never folded away.
function unfold() {
  const target = /^#comment-\d+$/.test(location.hash) && document.querySelector(location.hash);
  for (let at = target; at; at = at.parentElement?.closest("details")) {
    const details = at.matches("details") ? at : at.querySelector("details");
    details.open = true;
    at = details;
  }
}
unfold();
window.addEventListener("hashchange", unfold);

// Names complete while @ and some letters stand before the cursor.
const list = document.createElement("ul");
list.className = "people";
list.id = "people";
list.setAttribute("role", "listbox");
list.setAttribute("aria-label", "People");
let asked = 0;

const typed = (area) => /(?<![\w@/.+-])@([\w.+-]*)$/.exec(area.value.slice(0, area.selectionStart));

function close() {
  asked += 1;
  list.previousAreaEnd?.();
  list.remove();
}

function pick(area, username) {
  const found = typed(area);
  if (!found) return close();
  area.setRangeText(`@${username} `, found.index, area.selectionStart, "end");
  close();
  area.focus();
  return keep();
}

function choose(area, step) {
  const items = [...list.children];
  const at = items.findIndex((item) => item.ariaSelected === "true");
  const next = items[(at + step + items.length) % items.length];
  for (const item of items) item.ariaSelected = String(item === next);
  area.setAttribute("aria-activedescendant", next.id);
  next.scrollIntoView({ block: "nearest" });
}

function offer(area, people) {
  list.replaceChildren(
    ...people.map(({ username, name }, at) => {
      const item = document.createElement("li");
      item.id = `people-${at}`;
      item.setAttribute("role", "option");
      item.dataset.username = username;
      const full = document.createElement("span");
      full.textContent = name;
      item.append(`@${username}`, full);
      item.addEventListener("mousedown", (event) => {
        event.preventDefault();
        pick(area, username);
      });
      return item;
    }),
  );
  area.after(list);
  area.setAttribute("aria-controls", "people");
  list.previousAreaEnd = () => {
    area.removeAttribute("aria-activedescendant");
    area.removeAttribute("aria-controls");
  };
  choose(area, 1);
}

document.addEventListener("input", async (event) => {
  const area = event.target;
  if (!area.matches("textarea[data-people]")) return;
  const found = typed(area);
  if (!found) {
    close();
    return;
  }
  asked += 1;
  const mine = asked;
  await new Promise((done) => setTimeout(done, 150));
  if (mine !== asked) return;
  const contribution = area.form.dataset.contribution ?? "";
  const answer = await fetch(`/names/?${new URLSearchParams({ q: found[1], contribution })}`);
  if (!answer.ok || mine !== asked) return;
  const { people } = await answer.json();
  if (people.length) offer(area, people);
  else close();
});

document.addEventListener("keydown", (event) => {
  if (!list.isConnected || !event.target.matches("textarea[data-people]")) return;
  const acts = {
    ArrowDown: () => choose(event.target, 1),
    ArrowUp: () => choose(event.target, -1),
    Enter: () => pick(event.target, list.querySelector('[aria-selected="true"]').dataset.username),
    Tab: () => pick(event.target, list.querySelector('[aria-selected="true"]').dataset.username),
    Escape: close,
  };
  if (!acts[event.key]) return;
  event.preventDefault();
  acts[event.key]();
});
document.addEventListener("focusout", (event) => {
  if (event.target.matches("textarea[data-people]")) close();
});
