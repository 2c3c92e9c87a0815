// One row: what is known of its subject, the answer that stands or is being typed, and how far it is.

const SHOWN_PAIRS = 2;

class Row {
  constructor(table, given, order) {
    Object.assign(this, { proposed: null, samples: [], sides: [], custom: false, personal: false, ...given });
    this.table = table;
    this.order = order; // of proposing
    this.comment = "";
    this.typed = null; // what the field holds, where that is not what stands
    this.candidate = null; // what is pointed at in the list of answers
    this.reading = null; // the way of reading that a person chose; null: as it stands
    this.words = null; // columns in which this row has the word in the record that it goes into, or the record says nothing; null: as it stands
    this.chosen = false;
    this.pending = false;
    this.problem = "";
    this.fits = new Map(); // answer → what the kernel says that it makes of the column
    this.text = [given.id, given.place, given.name, given.shown, given.proposed, ...given.reasons].join(" ").toLowerCase();
  }

  // ---------------------------------------------------------------- what it says

  // What it is called where the name alone does not say of whom it is.
  get called() { return this.sides.length && this.place ? `${this.place}, ${this.name}` : this.name; }

  get standing() {
    const said = this.answer ? this.answer.answer : this.proposed;
    return said === null || said === undefined ? "" : said === "" ? this.table.wording.nothing : said;
  }

  get value() { return this.typed ?? this.standing; }

  get said() { return this.bare(this.value); }

  get trial() { return this.bare(this.candidate ?? this.value); }

  bare(said) { return said.trim() === this.table.wording.nothing ? "" : said.trim(); }

  get readAs() { return this.reading ?? this.answer?.reading ?? ""; }

  get word() { return this.said === "" ? [] : (this.words ?? this.answer)?.take ?? []; }

  get blank() { return this.said === "" ? [] : (this.words ?? this.answer)?.empty ?? []; }

  get changed() { return this.value !== this.standing || (this.reading !== null && this.reading !== (this.answer?.reading ?? "")) || this.words !== null; }

  speak(take, empty) {
    const alike = (columns, stands = []) => columns.length === stands.length && columns.every((name) => stands.includes(name));
    this.words = alike(take, this.answer?.take) && alike(empty, this.answer?.empty) ? null : { take, empty };
    this.problem = "";
  }

  // In which columns a row has the word, and in which nobody has.
  static own(take = [], empty = []) {
    return [take.length ? `its own word in ${take.join(", ")}` : "", empty.length ? `left empty: ${empty.join(", ")}` : ""].filter(Boolean).join("; ");
  }

  get state() {
    if (this.pending) return "unsaved";
    if (this.problem) return "refused";
    if (this.changed) return "typing";
    return this.answer ? (this.answer.answer ? "confirmed" : "left") : "open";
  }

  get fit() { return this.fits.get(this.asking); }

  get asking() { return JSON.stringify([this.trial, this.reading, this.answer?.reading ?? ""]); }

  get warnings() {
    const other = this.table.collisions.get(this.id);
    return [...(other ? [`fills the same field as ${other}`] : []), ...(this.fit?.warnings ?? [])];
  }

  type(value) {
    this.typed = value === this.standing ? null : value;
    this.problem = "";
  }

  // Takes what is decided now. Returns what to say of it where somebody else has decided otherwise than stands here, or than is
  // about to be answered: an answer to what nobody has seen must not be taken.
  stand(answer) {
    const [before, now] = [this.inWords(this.answer), this.inWords(answer)];
    const elsewhere = before !== now && !this.pending && (this.answer || this.changed);
    this.answer = answer;
    if (this.typed === this.standing) this.typed = null;
    if (!elsewhere) return "";
    const by = answer ? ` by ${answer.by}` : "";
    if (!this.changed) return `now ${now}${by}, in place of ${before}.`;
    this.problem = `Decided meanwhile, as ${now}${by}. Look again, then confirm.`;
    return this.problem;
  }

  inWords(answer) {
    if (!answer) return "open";
    const [reading, own] = [answer.reading ? `, read as ${answer.reading}` : "", Row.own(answer.take, answer.empty)];
    return `${answer.answer || this.table.wording.nothing}${reading}${own ? `, with ${own}` : ""}`;
  }

  revert() {
    this.typed = null;
    this.words = null;
    this.reading = null;
    this.problem = "";
  }

  // ---------------------------------------------------------------- what there is to see

  get drawn() { return Boolean(this.tr); }

  draw() {
    if (this.tr) return this.tr;
    const { wording } = this.table;
    this.box = control("input", { type: "checkbox", label: `Select ${this.called}`, tabIndex: -1, checked: this.chosen });
    this.box.onchange = () => { this.chosen = this.box.checked; this.table.tally(); };
    this.input = element("input", { className: "wbt-answer", autocomplete: "off", spellcheck: false, placeholder: "choose…", label: `${wording.answer} for ${this.called}`, role: "combobox", tabIndex: -1 });
    this.input.setAttribute("aria-autocomplete", "list");
    this.input.setAttribute("aria-expanded", "false");
    this.note = element("input", { className: "wbt-note", label: `Comment on ${this.called}`, placeholder: "comment", tabIndex: -1 });
    this.pill = element("span", { className: "wbt-pill" });
    this.spoken = element("small", { className: "wbt-spoken" });
    this.cells = element("td", { className: "wbt-becomes" });
    const stands = this.sides.length ? this.sides.map((side) => element("td", { title: side, className: "wbt-side" }, text("div", "wbt-shown", side || "–"))) : [this.stands()];
    this.tr = element("tr", { data: { id: this.id } }, element("td", {}, this.box), this.subject(), ...stands, element("td", {}, this.input, this.spoken),
      ...(wording.reads ? [this.cells] : []), element("td", {}, this.sureness()), element("td", {}, this.pill), element("td", {}, this.note));
    this.table.listen(this);
    this.paint();
    return this.tr;
  }

  subject() {
    const marks = [[this.custom, "custom", "The source's documentation does not know this column"], [this.personal, "personal", "Names, reaches or describes a person"]];
    const shown = marks.filter(([is]) => is).map(([, word, title]) => element("span", { className: `wbt-mark wbt-${word}`, textContent: word, title }));
    const above = this.place || shown.length ? element("small", {}, this.place, ...shown) : null;
    return element("td", { title: this.id }, above, element("span", { className: "wbt-name", textContent: this.name || "(empty)" }));
  }

  stands() {
    if (this.fill === undefined) return element("td", { title: this.shown }, text("div", "wbt-shown", this.shown));
    const level = element("i", { className: "wbt-fill" });
    level.style.setProperty("--fill", this.fill);
    const about = element("small", {}, level, `${Math.round(this.fill * 100)}% · ${this.kind || "empty"}`);
    return element("td", { title: this.shown }, about, text("span", "wbt-samples", this.samples.slice(0, 3).join(" | ")));
  }

  sureness() {
    this.why = control("button", { type: "button", className: "wbt-why", title: this.reasons.join("\n"), label: `Reasons for ${this.called}, ${this.confidence === null ? "no" : this.confidence.toFixed(2)} confidence`, tabIndex: -1 });
    this.why.setAttribute("aria-expanded", "false");
    if (this.sides.length) this.why.append("view");
    else if (this.confidence === null) this.why.append("–");
    else {
      const level = element("i");
      level.style.setProperty("--sure", this.confidence);
      this.why.append(level, this.confidence.toFixed(2));
    }
    return this.why;
  }

  // Writes only what has changed: a table of hundreds of rows is painted after every answer.
  paint() {
    if (!this.tr) return;
    const { state, value } = this;
    if (this.input.value !== value) this.input.value = value;
    if (this.tr.dataset.state !== state) this.tr.dataset.state = state;
    const note = this.answer ? this.answer.why : this.comment;
    if (document.activeElement !== this.note && this.note.value !== note) this.note.value = note;
    const word = { left: this.answer?.status, refused: "not saved", typing: "unsaved" }[state] ?? state;
    if (this.pill.textContent !== word) this.pill.textContent = word;
    this.pill.title = this.problem || (this.answer ? `by ${this.answer.by}` : "");
    this.input.setAttribute("aria-invalid", String(Boolean(this.problem)));
    const spoken = Row.own(this.word, this.blank);
    if (this.spoken.textContent !== spoken) this.spoken.textContent = this.spoken.title = spoken;
    if (this.box.checked !== this.chosen) this.box.checked = this.chosen;
    this.input.title = this.problem || this.table.hint(this);
    this.paintFit();
    this.detail?.paint();
  }

  paintFit() {
    const { fit, warnings } = this;
    const shown = JSON.stringify([fit ?? null, warnings]);
    if (this.painted === shown) return;
    this.painted = shown;
    this.tr.classList.toggle("wbt-warned", warnings.length > 0);
    const pairs = (fit?.pairs ?? []).slice(0, SHOWN_PAIRS).map(([, becomes, why, refused]) => refused ? text("s", "wbt-no", why) : text("span", "wbt-yes", becomes));
    const values = pairs.flatMap((pair, n) => (n ? [" | ", pair] : [pair]));
    const warned = warnings.length ? element("small", { className: "wbt-warn", textContent: `⚠ ${warnings.join("; ")}` }) : null;
    const read = fit?.reading && !warned ? text("small", "", fit.reading) : null;
    this.cells.replaceChildren(...[warned ?? read, element("span", { className: "wbt-samples" }, ...values)].filter(Boolean));
    this.cells.title = [...warnings, ...(fit?.pairs ?? []).map(([source, becomes, why]) => `${source} → ${becomes || why}`)].join("\n");
  }
}
