// The front end of the table of decisions. It keeps nothing: what is shown comes from the kernel, what is answered goes there,
// and an answer counts as unsaved until the kernel has said that it is in the store.

const SILENCE = 5000; // milliseconds after which a kernel that does not answer is called silent
const OWN = "a field of its own";
const LISTED = 200; // answers shown at once; typing narrows them

function element(name, properties = {}, ...children) {
  const { label, data = {}, ...plain } = properties;
  const made = Object.assign(document.createElement(name), plain);
  if (label) made.setAttribute("aria-label", label);
  Object.assign(made.dataset, data);
  made.append(...children);
  return made;
}

// Lab must not take keys pressed on a button for its own; text fields it leaves alone.
function control(name, properties, ...children) {
  const made = element(name, properties, ...children);
  made.setAttribute("data-lm-suppress-shortcuts", "true");
  return made;
}

class Table {
  constructor(model, host) {
    this.model = model;
    this.wording = model.get("wording");
    this.rows = new Map();
    this.waiting = new Map(); // number of a message → subjects it is about
    this.number = 0;
    this.root = element("div", { className: "wbt" });
    this.root.addEventListener("keydown", (event) => event.stopPropagation());
    this.root.append(this.head(), this.body(), this.foot(), this.picker());
    host.append(this.root);
    this.paint();
  }

  // ---------------------------------------------------------------- what there is to see

  head() {
    this.title = element("strong", { textContent: this.wording.title });
    this.count = element("span", { className: "wbt-count" });
    this.count.setAttribute("role", "status");
    this.bar = element("span", { className: "wbt-bar" }, element("i"), element("b"));
    this.undo = control("button", { type: "button", className: "wbt-quiet", textContent: "Undo", title: "Take the last answer back (Ctrl+Z)" });
    this.undo.onclick = () => this.takeBack();
    this.person = element("input", { className: "wbt-person", placeholder: "Who are you? Name <mail>", label: "Your name", spellcheck: false });
    this.person.onchange = () => this.say({ kind: "person", name: this.person.value }, []);
    this.person.onkeydown = (event) => event.key === "Enter" && this.person.blur();
    const top = element("div", { className: "wbt-line" }, this.title, this.bar, this.count, element("span", { className: "wbt-gap" }), this.person, this.undo);
    this.word = element("div", { className: "wbt-word" });
    this.word.setAttribute("role", "alert");
    return element("div", { className: "wbt-head" }, top, this.tools(), this.word);
  }

  tools() {
    this.find = element("input", { type: "search", placeholder: "Filter…", label: "Filter rows", className: "wbt-find" });
    this.find.oninput = () => this.filter();
    this.only = control("input", { type: "checkbox" });
    this.only.onchange = () => this.filter();
    this.sure = control("input", { type: "range", min: 0.5, max: 1, step: 0.01, value: this.model.get("sure"), label: "Confidence from which proposals are accepted" });
    this.sure.oninput = () => this.tally();
    this.accept = control("button", { type: "button", className: "wbt-main" });
    this.accept.onclick = () => this.confirm(this.acceptable());
    this.chosen = control("button", { type: "button" });
    this.chosen.onclick = () => this.confirm(this.selected());
    return element("div", { className: "wbt-line" }, this.find, element("label", { className: "wbt-only" }, this.only, "open only"),
      element("span", { className: "wbt-gap" }), this.chosen, element("label", { className: "wbt-sure" }, "sure", this.sure), this.accept);
  }

  body() {
    this.every = control("input", { type: "checkbox", label: "Select all rows shown" });
    this.every.onchange = () => { for (const row of this.visible()) row.box.checked = this.every.checked; this.tally(); };
    const names = [this.wording.subject, "As it stands", this.wording.answer, "Sure", "Status", "Comment"];
    const cells = names.map((name, n) => element("th", { scope: "col", textContent: name, className: `wbt-c${n + 1}` }));
    const list = element("tbody");
    for (const given of this.model.get("rows")) list.append(this.line(given));
    this.none = element("p", { className: "wbt-none" });
    const table = element("table", { label: this.wording.title }, element("thead", {}, element("tr", {}, element("th", { className: "wbt-c0" }, this.every), ...cells)), list);
    this.box = element("div", { className: "wbt-box" }, table, this.none);
    this.box.addEventListener("scroll", () => this.close());
    return this.box;
  }

  line(given) {
    const { place, name } = given;
    const row = { ...given, comment: "" };
    row.box = control("input", { type: "checkbox", label: `Select ${name}` });
    row.box.onchange = () => this.tally();
    row.input = element("input", { className: "wbt-answer", autocomplete: "off", spellcheck: false, placeholder: "choose…", label: `${this.wording.answer} for ${name}` });
    row.input.setAttribute("role", "combobox");
    row.input.setAttribute("aria-autocomplete", "list");
    row.input.setAttribute("aria-expanded", "false");
    row.why = control("button", { type: "button", className: "wbt-why", title: row.reasons.join("\n") });
    if (row.confidence !== null) {
      const level = element("i");
      level.style.setProperty("--sure", row.confidence);
      row.why.append(level, row.confidence.toFixed(2));
    } else row.why.append("–");
    row.why.setAttribute("aria-label", `Reasons for ${name}`);
    row.why.setAttribute("aria-expanded", "false");
    row.why.onclick = () => this.explain(row);
    row.pill = element("span", { className: "wbt-pill" });
    row.note = element("input", { className: "wbt-note", label: `Comment on ${name}`, placeholder: "comment" });
    const subject = element("td", { title: given.id }, ...(place ? [element("small", { textContent: place })] : []), element("span", { textContent: name || "(empty)" }));
    row.tr = element("tr", { data: { id: given.id } }, element("td", {}, row.box), subject,
      element("td", { title: given.shown }, element("div", { className: "wbt-shown", textContent: given.shown })), element("td", {}, row.input),
      element("td", {}, row.why), element("td", {}, row.pill), element("td", {}, row.note));
    row.text = [given.id, given.shown, given.proposed, ...given.reasons].join(" ").toLowerCase();
    this.rows.set(given.id, row);
    this.listen(row);
    return row.tr;
  }

  foot() {
    const keys = [["type", "choose"], ["Enter", "confirm, next"], ["↑ ↓", "move"], ["Alt+↓", "all answers"], ["Alt+Enter", "why"], ["Ctrl+Space", "select"], ["Ctrl+Z", "undo"], ["Esc", "back"]];
    const shown = keys.map(([key, does]) => element("span", {}, element("kbd", { textContent: key }), ` ${does}`));
    return element("div", { className: "wbt-foot" }, element("div", { className: "wbt-keys" }, ...shown));
  }

  // ---------------------------------------------------------------- painting

  paint() {
    const answers = this.model.get("answers");
    for (const row of this.rows.values()) {
      const before = row.answer;
      row.answer = answers[row.id];
      if (document.activeElement !== row.input || before?.answer !== row.answer?.answer) row.input.value = this.shownAnswer(row);
      if (document.activeElement !== row.note) row.note.value = row.answer ? row.answer.why : row.comment;
      this.mark(row);
    }
    const person = this.model.get("person");
    if (document.activeElement !== this.person) this.person.value = person;
    this.person.classList.toggle("wbt-ask", !person);
    this.undo.disabled = !this.model.get("undoable");
    this.filter();
  }

  shownAnswer(row) {
    const text = row.answer ? row.answer.answer : row.proposed;
    return text === null || text === undefined ? "" : text === "" ? this.wording.nothing : text;
  }

  mark(row) {
    const typed = row.input.value !== this.shownAnswer(row);
    const state = row.pending ? "unsaved" : row.problem ? "refused" : typed ? "typing" : row.answer ? (row.answer.answer ? "confirmed" : "left") : "open";
    row.tr.dataset.state = state;
    row.pill.textContent = { left: row.answer?.status, refused: "not saved", typing: "unsaved" }[state] ?? state;
    row.pill.title = row.problem || (row.answer ? `by ${row.answer.by}` : "");
    row.input.setAttribute("aria-invalid", String(Boolean(row.problem)));
    row.input.title = row.problem || this.hint(row);
  }

  hint(row) {
    const text = this.answerIn(row);
    return this.offers(row).find(([offer]) => offer === text)?.[1] ?? "";
  }

  filter() {
    const sought = this.find.value.trim().toLowerCase();
    let shown = 0;
    for (const row of this.rows.values()) {
      const settled = row.answer && !row.pending && !row.problem && document.activeElement !== row.input;
      row.tr.hidden = Boolean((this.only.checked && settled) || (sought && !`${row.text} ${row.input.value.toLowerCase()}`.includes(sought)));
      if (row.more) row.more.hidden = row.tr.hidden;
      shown += !row.tr.hidden;
    }
    this.none.textContent = this.rows.size === 0 ? "There is nothing to decide here." : "No row fits the filter.";
    this.none.hidden = shown > 0;
    this.tally();
  }

  tally() {
    const all = [...this.rows.values()];
    const done = all.filter((row) => row.answer);
    const left = done.filter((row) => !row.answer.answer).length;
    const open = all.length - done.length;
    this.count.textContent = `${done.length} of ${all.length} decided · ${open} open` + (left ? ` · ${left} ${this.wording.left}` : "");
    const [green, grey] = this.bar.children;
    green.style.width = `${all.length ? ((done.length - left) / all.length) * 100 : 0}%`;
    grey.style.width = `${all.length ? (left / all.length) * 100 : 0}%`;
    this.root.classList.toggle("wbt-done", all.length > 0 && open === 0);
    const [acceptable, selected] = [this.acceptable().length, this.selected().length];
    this.accept.textContent = `Accept ${acceptable} at ≥ ${Number(this.sure.value).toFixed(2)}`;
    this.accept.disabled = !acceptable;
    this.chosen.textContent = `Accept ${selected} selected`;
    this.chosen.hidden = !selected;
  }

  visible() { return [...this.rows.values()].filter((row) => !row.tr.hidden); }
  acceptable() { return this.visible().filter((row) => !row.answer && row.proposed !== null && row.confidence >= Number(this.sure.value) && row.input.value === this.shownAnswer(row)); }
  selected() { return [...this.rows.values()].filter((row) => row.box.checked); }

  explain(row) {
    const open = !row.more;
    row.more?.remove();
    row.more = null;
    row.why.setAttribute("aria-expanded", String(open));
    if (!open) return;
    const others = row.alternatives.filter((text) => text !== row.proposed).map((text) => {
      const take = control("button", { type: "button", textContent: text || this.wording.nothing });
      take.onclick = () => { row.input.value = take.textContent; row.problem = ""; this.mark(row); row.input.focus(); };
      return take;
    });
    const reasons = element("ul", {}, ...(row.reasons.length ? row.reasons : ["no reason was recorded"]).map((reason) => element("li", { textContent: reason })));
    const cell = element("td", { colSpan: 5 }, reasons, ...(others.length ? [element("span", { textContent: "Or: " }), ...others] : []));
    row.more = element("tr", { className: "wbt-more" }, element("td"), element("td"), cell);
    row.tr.after(row.more);
  }

  // ---------------------------------------------------------------- answers on offer

  picker() {
    this.list = element("ul", { className: "wbt-list", id: `wbt-${Math.random().toString(36).slice(2)}`, label: "Answers" });
    this.list.setAttribute("role", "listbox");
    if (this.list.showPopover) this.list.popover = "manual"; else this.list.hidden = true;
    this.list.addEventListener("pointerdown", (event) => {
      const item = event.target.closest("li");
      event.preventDefault();
      if (item && this.current) this.take(this.current, item.dataset.text);
    });
    return this.list;
  }

  offers(row) {
    const nothing = this.wording.nothing ? [[this.wording.nothing, ""]] : [];
    return [...nothing, ...(this.model.get("offers")[row.group] ?? [])];
  }

  matching(row, typed) {
    const sought = typed.trim().toLowerCase();
    const all = this.offers(row);
    if (!sought) return all;
    const rank = ([text, hint]) => {
      const [name, more] = [text.toLowerCase(), hint.toLowerCase()];
      return name === sought ? 0 : name.startsWith(sought) ? 1 : more.startsWith(sought) ? 2 : name.includes(sought) ? 3 : more.includes(sought) ? 4 : 9;
    };
    const fits = all.map((offer, n) => [rank(offer), n, offer]).filter(([order]) => order < 9).sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([, , offer]) => offer);
    const exact = fits.some(([text]) => text.toLowerCase() === sought);
    if (this.wording.new && !exact) fits.push([this.wording.new + typed.trim().replace(/^new:\s*/i, ""), OWN]);
    return fits;
  }

  open(row, typed) {
    const offers = this.matching(row, typed).slice(0, LISTED);
    this.list.replaceChildren(...offers.map(([text, hint], n) => {
      const item = element("li", { id: `${this.list.id}-${n}`, data: { text } }, element("span", { textContent: text }), element("small", { textContent: hint }));
      item.setAttribute("role", "option");
      return item;
    }));
    if (!offers.length) return this.close();
    this.current = row;
    row.input.setAttribute("aria-controls", this.list.id);
    row.input.setAttribute("aria-expanded", "true");
    if (this.list.showPopover) { if (!this.list.matches(":popover-open")) this.list.showPopover(); } else this.list.hidden = false;
    this.place(row);
    this.point(this.first(row, typed, offers));
  }

  // What Enter would take: the best fit of what was typed, else what stands there; never a new field that nobody asked for.
  first(row, typed, offers) {
    if (!typed.trim()) return offers.findIndex(([text]) => text === row.input.value);
    const unasked = this.wording.new && offers[0][0].startsWith(this.wording.new) && !typed.trim().startsWith(this.wording.new);
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
    this.current.input.setAttribute("aria-activedescendant", items[this.at]?.id ?? "");
  }

  move(distance) {
    const count = this.list.children.length;
    this.point(this.at < 0 && distance < 0 ? count - 1 : (this.at + distance + count) % count);
  }

  close() {
    if (!this.current) return;
    this.current.input.setAttribute("aria-expanded", "false");
    this.current.input.removeAttribute("aria-activedescendant");
    this.current = null;
    if (this.list.hidePopover) this.list.hidePopover(); else this.list.hidden = true;
  }

  // ---------------------------------------------------------------- keys

  listen(row) {
    row.input.oninput = () => { row.problem = ""; this.tell(""); this.mark(row); this.open(row, row.input.value); };
    row.input.onfocus = () => { row.input.select(); this.focused = row; };
    row.input.onclick = () => this.current || this.open(row, "");
    row.input.onblur = () => { this.close(); this.settle(row); };
    row.input.onkeydown = (event) => this.key(event, row);
    row.note.onkeydown = (event) => {
      if (event.key === "Enter") { event.preventDefault(); row.comment = row.note.value; this.confirm([row]); this.step(row, 1, true); }
    };
    row.note.onchange = () => { row.comment = row.note.value; if (row.answer && row.comment !== row.answer.why) this.confirm([row]); };
    row.note.onfocus = () => { this.focused = row; };
  }

  key(event, row) {
    const listed = this.current === row;
    const does = {
      Enter: () => (event.altKey ? this.explain(row) : this.enter(row, listed)),
      ArrowDown: () => (event.altKey ? this.open(row, "") : listed ? this.move(1) : this.step(row, 1)),
      ArrowUp: () => (listed ? this.move(-1) : this.step(row, -1)),
      PageDown: () => this.step(row, 10),
      PageUp: () => this.step(row, -10),
      Escape: () => (listed ? this.close() : this.revert(row)),
      " ": () => { row.box.checked = !row.box.checked; this.tally(); },
      z: () => this.takeBack(),
    }[event.key];
    const commanded = event.ctrlKey || event.metaKey;
    if (!does || (event.key === " " && !commanded) || (event.key === "z" && (!commanded || row.input.value !== this.shownAnswer(row)))) return;
    event.preventDefault();
    does();
  }

  enter(row, listed) {
    if (listed && this.at >= 0) row.input.value = this.list.children[this.at].dataset.text;
    this.close();
    if (this.confirm([row])) this.step(row, 1, true);
  }

  take(row, text) {
    row.input.value = text;
    this.close();
    this.confirm([row]);
    row.input.select();
  }

  // Leaving a changed field confirms what it says, where that is an answer; else it stays, marked, until it is one.
  settle(row) {
    if (row.input.value === this.shownAnswer(row) || row.pending) return;
    if (!row.input.value.trim()) this.revert(row); else this.confirm([row]);
  }

  revert(row) {
    row.problem = "";
    this.tell("");
    row.input.value = this.shownAnswer(row);
    this.mark(row);
    row.input.select();
  }

  step(row, distance, toOpen = false) {
    const shown = this.visible();
    const here = shown.indexOf(row);
    const ahead = toOpen ? shown.slice(here + 1).find((each) => !each.answer && !each.pending) : null;
    const next = ahead ?? shown[Math.max(0, Math.min(shown.length - 1, here + distance))];
    next?.input.focus({ preventScroll: true });
    next?.tr.scrollIntoView({ block: "nearest" });
  }

  // ---------------------------------------------------------------- the kernel

  answerIn(row) {
    const text = row.input.value.trim();
    return text === this.wording.nothing ? "" : text;
  }

  confirm(rows) {
    const able = rows.filter((row) => this.possible(row));
    for (const row of rows) this.mark(row);
    if (!able.length) return false;
    if (!this.model.get("person")) { this.tell("Say who you are first: every decision is kept under a name."); this.person.focus(); return false; }
    for (const row of able) { row.pending = true; row.box.checked = false; this.mark(row); }
    const edits = able.map((row) => ({ subject: row.id, text: this.answerIn(row), why: row.note.value }));
    this.say({ kind: "confirm", edits }, able);
    return true;
  }

  possible(row) {
    const text = row.input.value.trim();
    const fits = this.offers(row).find(([offer]) => offer.toLowerCase() === text.toLowerCase());
    if (fits) row.input.value = fits[0];
    const made = this.wording.new && text.startsWith(this.wording.new) && text.length > this.wording.new.length;
    row.problem = fits || made ? "" : text ? `“${text}” is not one of the answers on offer.` : "There is no answer yet: type one.";
    if (row.problem) this.tell(`${row.name}: ${row.problem}`);
    return !row.problem;
  }

  takeBack() { if (!this.undo.disabled) this.say({ kind: "undo" }, []); }

  say(message, rows) {
    const number = ++this.number;
    const timer = setTimeout(() => this.tell("The kernel does not answer, so this is not saved. Run the cell again; what it shows then is what is kept."), SILENCE);
    this.waiting.set(number, { rows, timer });
    this.model.send({ ...message, number });
  }

  heard(message) {
    if (message.kind !== "heard" || !this.waiting.has(message.number)) return;
    const { rows, timer } = this.waiting.get(message.number);
    clearTimeout(timer);
    this.waiting.delete(message.number);
    const general = message.problems[""] ?? "";
    for (const row of rows) {
      row.pending = false;
      row.problem = message.problems[row.id] ?? general;
    }
    // An answer to what was said before must not wipe the word about what was refused since.
    const first = rows.find((row) => row.problem) ?? [...this.rows.values()].find((row) => row.problem);
    this.tell(first ? `${first.name}: ${first.problem}` : general);
    this.paint();
  }

  tell(words) { this.word.textContent = words; }
}

function render({ model, el }) {
  const table = new Table(model, el);
  const paint = () => table.paint();
  const heard = (message) => table.heard(message);
  for (const name of ["answers", "person", "undoable"]) model.on(`change:${name}`, paint);
  model.on("msg:custom", heard);
  return () => {
    for (const name of ["answers", "person", "undoable"]) model.off(`change:${name}`, paint);
    model.off("msg:custom", heard);
  };
}

export default { render };
