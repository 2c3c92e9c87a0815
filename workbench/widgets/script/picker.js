// The list of answers on offer under the field that is being typed in: the best fit first, none taken that nobody asked for.

const OWN = "a field of its own";
const LISTED = 200; // answers shown at once; typing narrows them

class Picker {
  constructor(table) {
    this.table = table;
    this.row = null;
    this.list = element("ul", { className: "wbt-list", id: `wbt-${table.view}`, label: "Answers", role: "listbox" });
    if (this.list.showPopover) this.list.popover = "manual"; else this.list.hidden = true;
    this.list.addEventListener("pointerdown", (event) => {
      const item = event.target.closest("li");
      event.preventDefault();
      if (item && this.row) this.table.take(this.row, item.dataset.text);
    });
  }

  get taken() { return this.at >= 0 ? this.list.children[this.at].dataset.text : null; }

  matching(row, typed) {
    const sought = typed.trim().toLowerCase();
    const all = this.table.offers(row);
    const { wording } = this.table;
    if (!sought) return all;
    const rank = ([answer, hint]) => {
      const [name, more] = [answer.toLowerCase(), hint.toLowerCase()];
      return name === sought ? 0 : name.startsWith(sought) ? 1 : more.startsWith(sought) ? 2 : name.includes(sought) ? 3 : more.includes(sought) ? 4 : 9;
    };
    const fits = all.map((offer, n) => [rank(offer), n, offer]).filter(([order]) => order < 9).sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([, , offer]) => offer);
    const exact = fits.some(([answer]) => answer.toLowerCase() === sought);
    if (wording.new && !exact) fits.push([wording.new + typed.trim().replace(/^new:\s*/i, ""), OWN]);
    return fits;
  }

  open(row, typed) {
    const offers = this.matching(row, typed).slice(0, LISTED);
    this.list.replaceChildren(...offers.map(([answer, hint], n) => element("li", { id: `${this.list.id}-${n}`, role: "option", data: { text: answer } }, text("span", "", answer), text("small", "", hint))));
    if (!offers.length) return this.close();
    this.row = row;
    row.input.setAttribute("aria-controls", this.list.id);
    row.input.setAttribute("aria-expanded", "true");
    if (this.list.showPopover) { if (!this.list.matches(":popover-open")) this.list.showPopover(); } else this.list.hidden = false;
    this.place(row);
    this.point(this.first(row, typed, offers));
  }

  // What Enter would take: the best fit of what was typed, else what stands there; never a new field that nobody asked for.
  first(row, typed, offers) {
    if (!typed.trim()) return offers.findIndex(([answer]) => answer === row.value);
    const { wording } = this.table;
    const unasked = wording.new && offers[0][0].startsWith(wording.new) && !typed.trim().startsWith(wording.new);
    return unasked && offers[0][1] === OWN ? -1 : 0;
  }

  place(row) {
    const at = row.input.getBoundingClientRect();
    const room = window.innerHeight - at.bottom;
    const height = Math.min(this.list.scrollHeight + 2, 280);
    const above = room < height + 8 && at.top > room;
    Object.assign(this.list.style, { left: `${at.left}px`, minWidth: `${at.width}px`, top: above ? `${at.top - height - 2}px` : `${at.bottom + 2}px`, maxHeight: `${height}px` });
  }

  point(n) {
    const items = [...this.list.children];
    this.at = n;
    items.forEach((item, each) => item.setAttribute("aria-selected", String(each === this.at)));
    items[this.at]?.scrollIntoView({ block: "nearest" });
    this.row.input.setAttribute("aria-activedescendant", items[this.at]?.id ?? "");
    this.table.point(this.row, items[this.at]?.dataset.text ?? null);
  }

  move(distance) {
    const count = this.list.children.length;
    this.point(this.at < 0 && distance < 0 ? count - 1 : (this.at + distance + count) % count);
  }

  close() {
    if (!this.row) return;
    this.row.input.setAttribute("aria-expanded", "false");
    this.row.input.removeAttribute("aria-activedescendant");
    this.table.point(this.row, null);
    this.row = null;
    if (this.list.hidePopover) this.list.hidePopover(); else this.list.hidden = true;
  }
}
