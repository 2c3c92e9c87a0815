// The table itself: head, filters, rows, and what happens when somebody answers.

const FIRST = 40, MORE = 80, AT_REST = 400; // rows drawn at once, further ones at a time, and as many as are drawn unasked

class Table {
  constructor(model, host) {
    this.model = model;
    this.wording = model.get("wording");
    this.view = Math.random().toString(36).slice(2);
    this.talk = new Talk(this, model);
    this.given = model.get("rows");
    this.rows = new Map(this.given.map((given, n) => [given.id, new Row(this, given, n)]));
    this.limit = FIRST;
    this.shown = [];
    this.collisions = new Map();
    this.picker = new Picker(this);
    this.filters = new Map();
    this.sorted = { by: null, down: false };
    this.root = element("div", { className: `wbt wbt-of-${this.model.get("kind")}${this.wording.sides.length ? " wbt-sided" : ""}`, role: "region", label: this.wording.title });
    this.root.addEventListener("keydown", (event) => {
      if (!event.defaultPrevented) obey(this, event, TABLE_KEYS);
      event.stopPropagation();
    });
    this.helping = helpPanel(() => this.help());
    this.root.classList.toggle("wbt-empty", this.rows.size === 0);
    this.root.append(this.head(), this.body(), this.foot(), this.picker.list, this.helping);
    host.append(this.root);
    this.paint();
    this.activate(this.shown.find((row) => !row.answer) ?? this.shown[0]);
    this.drawOn();
  }

  // ---------------------------------------------------------------- what there is to see

  head() {
    const quiet = (name, does, title, label) => button(name, does, { className: "wbt-quiet", title, label });
    this.count = element("span", { className: "wbt-count", role: "status" });
    this.bar = element("span", { className: "wbt-bar" }, element("i"), element("b"));
    this.undo = quiet("Undo", () => this.turn("undo"), "Take the last answer back (Ctrl+Z)");
    this.redo = quiet("Redo", () => this.turn("redo"), "Give it again (Ctrl+Y)");
    const keys = quiet("?", () => this.help(), "All keys (?)", "All keys");
    this.person = element("input", { className: "wbt-person", placeholder: "Who are you? Name <mail>", label: "Your name", spellcheck: false });
    this.person.onchange = () => this.talk.say({ kind: "person", name: this.person.value }, []);
    this.person.onkeydown = (event) => { if (event.key === "Enter") (this.active?.input ?? this.find).focus(); };
    const top = element("div", { className: "wbt-line wbt-top" }, text("strong", "", this.wording.title), this.bar, this.count, element("span", { className: "wbt-gap" }), this.person, element("span", { className: "wbt-turns" }, this.undo, this.redo, keys));
    this.notices = element("div", { className: "wbt-notices", role: "status" });
    this.word = element("div", { className: "wbt-word", role: "alert" });
    return element("div", { className: "wbt-head" }, top, this.tools(), this.notices, this.word);
  }

  tools() {
    this.find = element("input", { type: "search", placeholder: "Search…", label: "Search the rows", className: "wbt-find" });
    this.find.oninput = () => this.arrange();
    this.find.onkeydown = (event) => {
      if (event.key !== "ArrowDown" && event.key !== "Enter" && event.key !== "Escape") return;
      event.preventDefault();
      if (event.key === "Escape" && this.find.value) { this.find.value = ""; this.arrange(); } else this.go(this.shown[0]);
    };
    const chips = element("span", { className: "wbt-chips", role: "group", label: "Show only" }, ...FILTERS.filter((name) => offered(name, this.given, this.wording)).map((name) => this.chip(name)));
    this.sure = control("input", { type: "range", min: 0.5, max: 1, step: 0.01, value: this.model.get("sure"), label: "Confidence from which proposals are accepted" });
    this.sure.oninput = () => this.arrange();
    this.sures = button("", () => this.accept(), { className: "wbt-main", title: "Accept every proposal shown that is as sure as that (Alt+A)" });
    this.many = new Bulk(this);
    return element("div", { className: "wbt-line" }, this.find, chips, element("span", { className: "wbt-gap" }), this.many.root, element("label", { className: "wbt-sure" }, "sure", this.sure), this.sures);
  }

  chip(name) {
    const made = button("", () => { made.setAttribute("aria-pressed", String(made.getAttribute("aria-pressed") !== "true")); this.arrange(); }, { className: "wbt-chip", title: `Alt+${FILTERS.indexOf(name) + 1}` });
    made.setAttribute("aria-pressed", "false");
    this.filters.set(name, made);
    return made;
  }

  body() {
    this.every = control("input", { type: "checkbox", label: "Select all rows shown" });
    this.every.onchange = () => { for (const row of this.shown) { row.chosen = this.every.checked; if (row.box) row.box.checked = row.chosen; } this.tally(); };
    const stands = this.wording.sides.length ? this.wording.sides.map((side) => [side, "wbt-side"]) : [["As it stands", "wbt-c2", "fill"]];
    const becomes = this.wording.reads ? [["Arrives as", "wbt-c7"]] : [];
    const names = [[this.wording.subject, "wbt-c1", "name"], ...stands, [this.wording.answer, "wbt-c3", "value"], ...becomes, this.wording.sides.length ? ["", "wbt-c4"] : ["Sure", "wbt-c4", "confidence"], ["Status", "wbt-c5", "state"], ["Comment", "wbt-c6"]];
    const heads = names.map((name) => this.columnHead(...name));
    this.list = element("tbody");
    this.none = element("p", { className: "wbt-none" });
    const table = element("table", { label: this.wording.title }, element("thead", {}, element("tr", {}, element("th", { className: "wbt-c0", scope: "col" }, this.every), ...heads)), this.list);
    table.setAttribute("aria-rowcount", String(this.rows.size + 1));
    this.box = element("div", { className: `wbt-box${this.wording.reads || this.wording.sides.length ? " wbt-wide" : ""}` }, table, this.none);
    this.box.addEventListener("scroll", () => this.scrolled(), { passive: true });
    return this.box;
  }

  columnHead(name, className, by) {
    if (!by) return element("th", { scope: "col", textContent: name, className });
    const head = element("th", { scope: "col", className }, button(name, () => this.sort(by, head), { className: "wbt-sort", title: `Sort by ${name.toLowerCase()}` }));
    return head;
  }

  foot() {
    return element("div", { className: "wbt-foot" }, element("div", { className: "wbt-keys" }, ...shortKeys()));
  }

  // ---------------------------------------------------------------- painting

  paint() {
    const answers = this.model.get("answers");
    for (const row of this.rows.values()) {
      const elsewhere = row.stand(answers[row.id]);
      if (elsewhere && !this.talk.waiting.size) this.tell(`${row.called}: ${elsewhere}`);
    }
    const person = this.model.get("person");
    if (document.activeElement !== this.person) this.person.value = person;
    this.person.classList.toggle("wbt-ask", !person);
    this.undo.disabled = !this.model.get("undoable");
    this.redo.disabled = !this.model.get("redoable");
    this.notices.replaceChildren(...this.model.get("notices").map((words) => text("p", "wbt-warn", `⚠ ${words}`)));
    this.refresh();
    this.tally();
    for (const row of this.rows.values()) row.paint();
    this.askFits();
  }

  hint(row) {
    return this.offers(row).find(([offer]) => offer === row.said)?.[1] ?? "";
  }

  offers(row) {
    const nothing = this.wording.nothing ? [[this.wording.nothing, ""]] : [];
    return [...nothing, ...(this.model.get("offers")[row.group] ?? [])];
  }

  fits(row, sought, names) {
    return names.every((name) => passes(row, name, Number(this.sure.value))) && (!sought || `${row.text} ${row.value.toLowerCase()}`.includes(sought));
  }

  // Which rows are shown, in which order, from the first one on.
  arrange() {
    const within = this.list.contains(document.activeElement);
    this.limit = Math.max(FIRST, Math.min(this.limit, AT_REST));
    this.list.replaceChildren();
    this.refresh();
    this.box.scrollTop = 0;
    if (!this.shown.includes(this.active)) this.activate(this.shown[0]);
    if (within && this.active) this.go(this.active); // else the next key would go to the notebook
    else if (within) this.find.focus();
    this.tally();
    this.drawOn();
    this.askFits();
  }

  refresh() {
    const names = [...this.filters].filter(([, chip]) => chip.getAttribute("aria-pressed") === "true").map(([name]) => name);
    const sought = this.find.value.trim().toLowerCase();
    const order = inOrder([...this.rows.values()], this.sorted);
    this.shown = order.filter((row) => this.fits(row, sought, names) || row.input === document.activeElement);
    const seated = new Set(this.shown.slice(0, this.limit));
    let after = null;
    for (const row of order.toReversed()) {
      if (!seated.has(row)) {
        if (row.tr?.isConnected) { row.detail?.close(); row.tr.remove(); }
        continue;
      }
      const tr = row.draw();
      if (!tr.isConnected) this.list.insertBefore(tr, after);
      if (row.detail && !row.detail.tr.isConnected) tr.after(row.detail.tr);
      after = tr;
    }
    this.none.textContent = this.rows.size === 0 ? "There is nothing to decide here." : "No row fits the filter.";
    this.none.hidden = this.shown.length > 0;
  }

  sort(by, head) {
    const { sorted } = this;
    if (sorted.by !== by) this.sorted = { by, down: false };
    else this.sorted = sorted.down ? { by: null, down: false } : { by, down: true };
    for (const each of this.root.querySelectorAll("thead th")) each.removeAttribute("aria-sort");
    if (this.sorted.by) head.setAttribute("aria-sort", this.sorted.down ? "descending" : "ascending");
    this.arrange();
  }

  // Rows beyond the first are drawn when nothing else is to be done; of very many, those that somebody scrolls to.
  drawOn() {
    if (this.limit >= Math.min(this.shown.length, AT_REST)) return;
    setTimeout(() => {
      this.limit += MORE;
      this.refresh();
      this.drawOn();
    });
  }

  scrolled() {
    this.picker.close();
    if (this.limit < this.shown.length && this.box.scrollTop + 3 * this.box.clientHeight > this.box.scrollHeight) {
      this.limit += MORE;
      this.refresh();
    }
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.askFits(), 120);
  }

  inView() {
    const { top, bottom } = this.box.getBoundingClientRect();
    return this.shown.slice(0, this.limit).filter((row) => {
      const at = row.tr?.isConnected ? row.tr.getBoundingClientRect() : null;
      return at && at.bottom > top && at.top < bottom;
    });
  }

  askFits() { this.talk.askFits(); }
  // What the answer that is pointed at would make of the column is shown before it is taken.
  point(row, candidate) {
    if (row.candidate === candidate) return;
    row.candidate = candidate;
    if (this.wording.reads) this.collide([...this.rows.values()]);
    row.paintFit();
    row.detail?.paint();
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.askFits(), 120);
  }

  tally() {
    const all = [...this.rows.values()];
    if (this.wording.reads) this.collide(all);
    const done = all.filter((row) => row.answer);
    const left = done.filter((row) => !row.answer.answer).length;
    const open = all.length - done.length;
    const said = `${done.length} of ${all.length} decided · ${open} open` + (left ? ` · ${left} ${this.wording.left}` : "");
    if (this.count.textContent !== said) this.count.textContent = said;
    const [green, grey] = this.bar.children;
    green.style.width = `${all.length ? ((done.length - left) / all.length) * 100 : 0}%`;
    grey.style.width = `${all.length ? (left / all.length) * 100 : 0}%`;
    this.root.classList.toggle("wbt-done", all.length > 0 && open === 0);
    for (const [name, chip] of this.filters) chip.textContent = `${name} ${all.filter((row) => passes(row, name, Number(this.sure.value))).length}`;
    const [acceptable, selected] = [this.acceptable().length, this.selected().length];
    this.sures.textContent = `Accept ${acceptable} at ≥ ${Number(this.sure.value).toFixed(2)}`;
    this.sures.disabled = !acceptable;
    this.many.tell(selected);
  }

  // Two columns of one feed cannot fill one field.
  collide(all) {
    const taken = new Map();
    for (const row of all) if (row.trial) taken.set(`${row.group}\n${row.trial}`, [...(taken.get(`${row.group}\n${row.trial}`) ?? []), row]);
    const before = this.collisions;
    this.collisions = new Map();
    for (const rows of taken.values()) if (rows.length > 1) for (const row of rows) this.collisions.set(row.id, rows.filter((other) => other !== row).map(({ name }) => name).join(", "));
    for (const id of new Set([...before.keys(), ...this.collisions.keys()])) if (before.get(id) !== this.collisions.get(id)) this.rows.get(id).paint();
  }

  acceptable() { return this.shown.filter((row) => !row.answer && !row.pending && row.proposed !== null && row.confidence >= Number(this.sure.value) && !row.changed); }
  selected() { return [...this.rows.values()].filter((row) => row.chosen); }

  accept() {
    if (this.confirm(this.acceptable()) && this.active) this.toOpen(this.active, this.active.answer || this.active.pending ? 1 : 0);
  }

  help() {
    const opening = this.helping.hidden;
    if (opening) this.before = document.activeElement;
    this.helping.hidden = !opening;
    if (opening) this.helping.focusFirst(); else this.before?.focus();
  }

  // ---------------------------------------------------------------- going from row to row

  // One row at a time is reached with Tab; the others with the arrows.
  activate(row) {
    for (const each of [this.active, row]) for (const part of ["box", "input", "why", "note"]) if (each?.[part]) each[part].tabIndex = each === row ? 0 : -1;
    this.active = row;
  }

  listen(row) {
    const { input, note } = row;
    input.oninput = () => { row.type(input.value); this.tell(""); row.paint(); this.tally(); this.picker.open(row, input.value); };
    input.onfocus = () => { input.select(); this.activate(row); };
    input.onclick = () => this.picker.row || this.picker.open(row, "");
    input.onblur = () => { this.picker.close(); this.settle(row); };
    input.onkeydown = (event) => { if (obey(this, event, ROW_KEYS, row) || obey(this, event, TABLE_KEYS, row)) event.stopPropagation(); };
    row.why.onclick = () => this.toggle(row);
    note.onfocus = () => this.activate(row);
    note.onkeydown = (event) => {
      if (event.key === "Escape") { event.preventDefault(); input.focus(); }
      if (event.key === "Enter") { event.preventDefault(); row.comment = note.value; this.confirm([row]); this.step(row, 1, true); }
    };
    note.onchange = () => { row.comment = note.value; if (row.answer && row.comment !== row.answer.why) this.confirm([row]); };
  }

  step(row, distance, toOpen = false) {
    const here = this.shown.indexOf(row);
    const ahead = toOpen ? this.shown.slice(here + 1).find((each) => !each.answer && !each.pending) : null;
    this.go(ahead ?? this.shown[Math.max(0, Math.min(this.shown.length - 1, here + distance))]);
  }

  toOpen(row, way) {
    if (!way) return this.go(row);
    const here = this.shown.indexOf(row);
    const ahead = way > 0 ? [...this.shown.slice(here + 1), ...this.shown.slice(0, here)] : [...this.shown.slice(0, here).reverse(), ...this.shown.slice(here + 1).reverse()];
    this.go(ahead.find((each) => !each.answer && !each.pending) ?? row);
  }

  go(row) {
    if (!row) return;
    const at = this.shown.indexOf(row);
    if (at >= this.limit) { this.limit = at + MORE; this.refresh(); }
    row.input.focus({ preventScroll: true });
    row.tr.scrollIntoView({ block: "nearest" });
  }

  choose(row) { row.chosen = !row.chosen; row.paint(); this.tally(); }

  toggle(row) {
    if (row.detail) return row.detail.close();
    row.detail = new Detail(row);
    this.talk.look(row);
    this.askFits();
    row.detail.tr.scrollIntoView({ block: "nearest" });
  }

  toReading(row) {
    if (!this.wording.reads) return;
    if (!row.detail) this.toggle(row);
    row.detail.select.focus();
  }

  // ---------------------------------------------------------------- answering

  enter(row, listed) {
    if (listed && this.picker.taken !== null) row.type(this.picker.taken);
    this.picker.close();
    if (this.confirm([row])) this.step(row, 1, true);
  }

  take(row, answer) {
    row.type(answer);
    this.picker.close();
    this.confirm([row]);
    row.input.select();
  }

  put(row, answer) {
    row.type(answer);
    row.paint();
    this.tally();
    this.askFits();
    row.input.focus();
  }

  // Leaving a changed field confirms what it says, where that is an answer; else it stays, marked, until it is one.
  settle(row) {
    if (row.value === row.standing || row.pending || row.problem) return;
    if (!row.value.trim()) this.revert(row); else this.confirm([row]);
  }

  revert(row) {
    row.revert();
    this.tell("");
    row.paint();
    this.tally();
    row.input.select();
  }

  confirm(rows) {
    const able = rows.filter((row) => this.checked(row));
    for (const row of rows) row.paint();
    if (!able.length) return false;
    if (!this.model.get("person")) { this.tell("Say who you are first: every decision is kept under a name."); this.person.focus(); return false; }
    for (const row of able) { row.pending = true; row.chosen = false; row.paint(); }
    this.talk.say({ kind: "confirm", edits: able.map((row) => ({ subject: row.id, text: row.said, why: row.note?.value ?? row.comment, reading: row.reading, seen: row.answer ?? {}, ...row.words })) }, able);
    this.tally();
    return true;
  }

  // Whether an answer is one of those on offer, or asks for a field to be made.
  possible(row, answer) {
    const made = this.wording.new && answer.startsWith(this.wording.new) && answer.length > this.wording.new.length;
    return made || (answer ? this.offers(row).some(([offer]) => offer === answer) : Boolean(this.wording.nothing));
  }

  checked(row) {
    const typed = row.value.trim();
    const fits = this.offers(row).find(([offer]) => offer.toLowerCase() === typed.toLowerCase());
    if (fits) row.type(fits[0]);
    row.problem = typed && this.possible(row, row.said) ? "" : typed ? `“${typed}” is not one of the answers on offer.` : "There is no answer yet: type one.";
    if (row.problem) this.tell(`${row.called}: ${row.problem}`);
    return !row.problem;
  }

  turn(way) { if (!this[way].disabled) this.talk.say({ kind: way }, []); }

  answered(problems, rows, general) {
    // An answer to what was said before must not wipe the word about what was refused since.
    const first = rows.find((row) => row.problem) ?? [...this.rows.values()].find((row) => row.problem);
    const [other] = Object.entries(problems).filter(([id]) => id && !rows.length);
    this.tell(first ? `${first.called}: ${first.problem}` : other ? `${this.rows.get(other[0])?.called ?? other[0]}: ${other[1]}` : general);
    this.paint();
  }

  tell(words) {
    if (this.word.textContent !== words) this.word.textContent = words;
    if (this.picker.row) this.picker.place(this.picker.row); // the line may have moved the row
  }
}
