// Offers filters, their values and the first results while somebody types into a search box; the form works without it.
"use strict";

const PAUSE = 120; // milliseconds without a key before the portal is asked

class Offers {
  constructor(box) {
    this.box = box;
    this.list = document.createElement("ul");
    this.list.id = `${box.id}-offers`;
    this.list.className = "offers";
    this.list.hidden = true;
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", "Suggestions");
    this.at = -1;
    this.asked = 0;
    box.after(this.list);
    box.setAttribute("role", "combobox");
    box.setAttribute("aria-autocomplete", "list");
    box.setAttribute("aria-controls", this.list.id);
    this.close();
    box.addEventListener("input", () => this.later());
    box.addEventListener("keydown", (event) => this.key(event));
    box.addEventListener("blur", () => this.close());
    this.list.addEventListener("pointerdown", (event) => event.preventDefault()); // the box keeps the focus
    this.list.addEventListener("click", (event) => this.take(event.target.closest("li")));
  }

  later() {
    clearTimeout(this.timer);
    this.asked += 1;
    if (this.box.value.trim() === "") this.close();
    else this.timer = setTimeout(() => this.ask(this.asked), PAUSE);
  }

  async ask(turn) {
    const typed = this.box.value.slice(0, this.box.selectionEnd);
    const address = `${this.box.dataset.offers}?q=${encodeURIComponent(typed)}`;
    try {
      const answer = await fetch(address, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      if (!answer.ok || turn !== this.asked) return;
      const offer = await answer.json();
      if (turn === this.asked && document.activeElement === this.box) this.show(offer);
    } catch {
      this.close(); // offline: the form still goes to the search
    }
  }

  show(offer) {
    const rest = this.box.value.slice(this.box.selectionEnd);
    const lines = [
      ...offer.completions.map((one) => [one.label, one.note, { text: one.text + rest, place: one.text.length }]),
      ...offer.results.map((one) => [one.title, `#${one.number} ${one.component}`, { page: one.page }]),
    ];
    this.list.replaceChildren(...lines.map(([label, note, does], index) => this.line(label, note, does, index)));
    this.at = -1;
    this.list.hidden = lines.length === 0;
    this.box.setAttribute("aria-expanded", String(lines.length > 0));
    this.box.removeAttribute("aria-activedescendant");
  }

  line(label, note, does, index) {
    const item = document.createElement("li");
    const small = document.createElement("span");
    item.id = `${this.list.id}-${index}`;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", "false");
    item.append(label, " ", small);
    small.textContent = note;
    item.does = does;
    return item;
  }

  key(event) {
    if (this.list.hidden || event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      this.mark(this.at + step);
    } else if (event.key === "Escape") {
      event.preventDefault();
      this.close();
    } else if ((event.key === "Enter" || event.key === "Tab") && this.at >= 0) {
      event.preventDefault();
      this.take(this.list.children[this.at]);
    }
  }

  mark(to) {
    const items = [...this.list.children];
    this.at = to < -1 ? items.length - 1 : to >= items.length ? -1 : to;
    items.forEach((item, index) => item.setAttribute("aria-selected", String(index === this.at)));
    if (this.at < 0) this.box.removeAttribute("aria-activedescendant");
    else {
      this.box.setAttribute("aria-activedescendant", items[this.at].id);
      items[this.at].scrollIntoView({ block: "nearest" });
    }
  }

  take(item) {
    if (!item) return;
    if (item.does.page) {
      window.location.assign(item.does.page);
      return;
    }
    this.close();
    this.box.value = item.does.text;
    this.box.setSelectionRange(item.does.place, item.does.place);
    this.later();
  }

  close() {
    clearTimeout(this.timer);
    this.asked += 1;
    this.at = -1;
    this.list.hidden = true;
    this.box.setAttribute("aria-expanded", "false");
    this.box.removeAttribute("aria-activedescendant");
  }
}

for (const box of document.querySelectorAll("input[data-offers]")) new Offers(box);
