// Eases remarking on lines: a form below the line, a range by shift-click, n and p from thread to thread.
"use strict";
{
  const PLACE = /^(f[0-9a-f]{10})([LR])(\d+)$/;
  const RANGE = /^#(f[0-9a-f]{10})([LR])(\d+)-[LR]?(\d+)$/;
  const isTyping = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;
  let first = null; // the line that a range begins with

  // The one button that stands beside the line under the pointer or the focus

  const button = document.createElement("button");
  button.type = "button";
  button.className = "say-here";
  button.textContent = "+";

  const placeOf = (cell) => {
    const found = cell?.id ? PLACE.exec(cell.id) : null;
    return found && { anchor: found[1], side: found[2], number: Number(found[3]), cell };
  };

  function stand(cell) {
    const place = placeOf(cell);
    if (!place || !document.querySelector(`#${place.anchor} .remark-here a`)) return;
    button.setAttribute("aria-label", `Remark on line ${place.number}`);
    button.title = "Remark on this line (c); with shift on all lines from the one chosen before";
    if (button.parentElement !== cell) cell.append(button);
  }

  const cellOf = (target) => {
    if (!(target instanceof Element)) return null;
    if (target.closest(".number[id]")) return target.closest(".number[id]");
    const code = target.closest(".diff td.code");
    for (let cell = code?.previousElementSibling; cell; cell = cell.previousElementSibling) {
      if (cell.matches(".number[id]")) return cell;
    }
    return null;
  };

  document.addEventListener("pointerover", (event) => stand(cellOf(event.target)));
  document.addEventListener("focusin", (event) => {
    if (event.target !== button) stand(event.target.closest?.(".number[id]"));
  });

  // Which lines are meant: those that are picked if this is one of them, else from the line clicked before

  function linesFrom(place, isRange) {
    const picked = RANGE.exec(location.hash);
    if (picked && picked[1] === place.anchor && picked[2] === place.side) {
      const [start, end] = [Number(picked[3]), Number(picked[4])].sort((one, other) => one - other);
      if (start <= place.number && place.number <= end) return { start, end };
    }
    if (isRange && first && first.anchor === place.anchor && first.side === place.side) {
      return { start: Math.min(first.number, place.number), end: Math.max(first.number, place.number) };
    }
    return { start: place.number, end: place.number };
  }

  document.addEventListener("click", (event) => {
    const place = placeOf(event.target.closest(".number[id]"));
    if (!place) return;
    if (event.target === button) write(place, linesFrom(place, event.shiftKey));
    else if (!event.shiftKey) first = place;
  });

  // The form, in a row of its own

  async function write(place, lines) {
    const link = document.querySelector(`#${place.anchor} .remark-here a`);
    const address = new URL(link.href);
    const side = place.side === "L" ? "old" : "new";
    for (const [name, value] of Object.entries({ ...lines, side })) address.searchParams.set(name, value);
    const answer = await fetch(address, { headers: { "HX-Request": "true" } });
    if (!answer.ok || answer.redirected) {
      location.href = address;
      return;
    }
    const below = document.getElementById(`${place.anchor}${place.side}${lines.end}`) ?? place.cell;
    const row = below.closest("tr");
    document.querySelector(".remark-row")?.remove();
    const made = document.createElement("tr");
    made.className = "said remark-row";
    made.innerHTML = `<td colspan="${row.closest(".diff-split") ? 4 : 3}"></td>`;
    made.firstElementChild.innerHTML = await answer.text();
    row.after(made);
    htmx.process(made);
    made.querySelector(".remark-leave").hidden = false;
    made.querySelector("[name=text]").focus();
  }

  const leave = (form) => {
    const row = form.closest(".remark-row");
    const cell = row?.previousElementSibling?.querySelector(".number[id] a");
    row?.remove();
    cell?.focus();
  };

  document.addEventListener("click", (event) => {
    if (event.target.matches(".remark-leave")) leave(event.target);
  });
  document.addEventListener("input", (event) => {
    if (event.target.name !== "suggestion") return;
    const means = event.target.form?.elements.namedItem("suggests");
    if (means) means.checked = true;
  });

  // What the server refuses is shown where it was asked for

  document.addEventListener("htmx:beforeSwap", (event) => {
    const place = event.detail.target.closest(".line-thread, .remark-form");
    if (!place || event.detail.xhr.status < 400) return;
    const told = new DOMParser().parseFromString(event.detail.serverResponse, "text/html");
    if (told.querySelector(".line-thread, .remark-form")) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
      return;
    }
    const words = document.createElement("p");
    words.className = "errorlist";
    words.setAttribute("role", "alert");
    words.textContent = told.querySelector(".refusal p:not(.refusal-number)")?.textContent ?? "That was refused.";
    place.append(words);
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const row = event.detail.target?.closest?.(".remark-row") ?? document.querySelector(".remark-row:has(.line-thread)");
    if (row?.querySelector(".line-thread")) row.classList.remove("remark-row");
  });

  // A thread at the head of its file stands below its line once that is shown
  document.addEventListener("htmx:afterSettle", () => {
    for (const thread of document.querySelectorAll(".file-remarks .line-thread")) {
      const again = thread.closest(".file").querySelector(`.diff #${thread.id}`);
      if (again && again !== thread) thread.remove();
    }
  });

  // Keys

  const threads = () => [...document.querySelectorAll(".line-thread")].filter((one) => one.offsetParent !== null);

  function walk(step) {
    const all = threads();
    const here = document.activeElement?.closest(".line-thread");
    const at = here ? all.indexOf(here) : step > 0 ? -1 : all.length;
    const next = all[at + step];
    next?.focus();
    next?.scrollIntoView({ block: "center" });
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && event.target.closest(".remark-row .remark-form") && !event.target.value) {
      leave(event.target);
      return;
    }
    if (isTyping(event.target)) return;
    const place = placeOf(document.activeElement?.closest(".number[id]") ?? button.parentElement);
    const acts = { n: () => walk(1), p: () => walk(-1), c: () => place && write(place, linesFrom(place, false)) };
    if (acts[event.key]) {
      event.preventDefault();
      acts[event.key]();
    }
  });

  // A place that is named in the address may lie in a thread that is folded
  const named = location.hash.startsWith("#remark-") ? document.getElementById(location.hash.slice(1)) : null;
  for (let fold = named?.querySelector("details") ?? named?.closest("details"); fold; fold = fold.parentElement?.closest("details")) {
    fold.open = true;
  }
}
