// Rows that may be one record, side by side; where they differ, a person says whose word stands in the record.

// Opens the row, and goes to the first column in which somebody may choose, as soon as the records have come.
function chooseFields(table, row) {
  if (!row.detail) table.toggle(row);
  row.detail.chooses = true;
  row.detail.cluster?.focusFirst();
}

const EMPTY = "leave empty"; // where a cell says nothing, and the record is to say nothing either

class Cluster {
  constructor(detail, { heads, lines, differs, subjects, chosen, needed }) {
    this.table = detail.table;
    this.asked = detail.row;
    this.members = subjects.map((subject) => this.table.rows.get(subject) ?? null); // null: the record's own row
    this.name = `wbt-${this.table.view}-${Math.random().toString(36).slice(2)}`;
    const order = lines.map((line, n) => ({ line, n })).sort((a, b) => differs[b.n] - differs[a.n]);
    this.lines = order.map(({ line: [column, ...said], n }) => ({ column, said, differs: differs[n], chosen: chosen[n], needed: needed[n], cells: [] }));
    this.words = element("p", { className: "wbt-verdict", role: "status" });
    this.lost = element("p", { className: "wbt-warn", role: "status" });
    this.done = button("Merge so", () => this.confirm(), { className: "wbt-main", title: "Keep this choice (Enter)" });
    const grid = element("table", { className: "wbt-plain wbt-cluster", label: "Side by side" }, this.head(heads), element("tbody", {}, ...this.lines.map((line, n) => this.line(line, n))));
    this.root = element("div", { className: "wbt-side-by-side" }, grid);
    this.foot = element("div", { className: "wbt-line wbt-cluster-foot" }, this.done, this.words, this.lost);
    for (const place of [this.root, this.foot]) place.addEventListener("focusout", (event) => this.left(event.relatedTarget));
    this.paint();
  }

  head(heads) {
    this.heads = heads.map((head, n) => {
      const all = this.members[n] ? button("take all", () => this.all(n), { title: `Let ${head} have the word wherever it says something`, label: `Take all of ${head}` }) : button("keep all", () => this.all(n), { title: "Let the record keep its own word everywhere", label: "Keep all of the record" });
      return element("th", { scope: "col" }, element("small", { className: "wbt-part", textContent: "" }), element("span", { textContent: head }), " ", this.lines.some(({ chosen }) => chosen) ? all : null);
    });
    return element("thead", {}, element("tr", {}, element("th"), ...this.heads));
  }

  line(line, n) {
    const group = `${this.name}-${n}`;
    const cells = line.said.map((said, at) => {
      if (!line.chosen || (!said && line.needed)) return text("td", said ? "" : "wbt-soft", said || "–");
      const pick = control("input", { type: "radio", name: group, label: `${line.column}: ${said || EMPTY}` });
      pick.onchange = () => this.pick(line.column, at);
      pick.onkeydown = (event) => this.pressed(event);
      line.cells[at] = pick;
      return element("td", {}, element("label", { className: said ? "" : "wbt-soft" }, pick, " ", said || EMPTY));
    });
    return element("tr", { className: line.differs ? "wbt-differs" : "", role: "row" }, element("th", { scope: "row", textContent: line.column }), ...cells);
  }

  pressed(event) {
    if (event.key === "Enter") { event.preventDefault(); this.confirm(); this.asked.input.focus(); }
    if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); this.revert(); this.asked.input.focus(); }
  }

  focusFirst() { (this.lines.find(({ chosen }) => chosen)?.cells.find((cell) => cell && !cell.disabled) ?? this.done).focus(); }

  // ---------------------------------------------------------------- whose word it is

  // Only rows that go into the record can speak for it; a row that is kept apart says nothing here.
  speaks(n) { return !this.members[n] || this.members[n].said !== ""; }

  // Which of the records has the word: the one that was given it, else an empty one where the record is to say nothing, else the
  // record itself, else the first that says something.
  holder({ column, said }) {
    const given = this.members.findIndex((row, n) => row && said[n] && this.speaks(n) && row.word.includes(column));
    if (given >= 0) return given;
    if (this.emptied(column)) return said.findIndex((part, n) => !part && this.speaks(n));
    return said.findIndex((part, n) => part && this.speaks(n));
  }

  emptied(column) { return this.members.some((row) => row?.blank.includes(column)); }

  // A choice is kept with the row that was chosen; that the record says nothing, with one of the rows that go into it.
  pick(column, at) {
    const { said } = this.lines.find((line) => line.column === column);
    const going = [this.members[at], this.asked, ...this.members].find((row) => row && row.said !== "");
    this.members.forEach((row, n) => {
      if (!row) return;
      const [take, empty] = [row.word, row.blank].map((names) => names.filter((name) => name !== column));
      if (!said[at] && row === going) empty.push(column);
      if (said[at] && n === at && !this.stands(column, at)) take.push(column);
      row.speak(take, empty);
    });
    this.repaint();
  }

  // Whether the record says so anyway, or the row fills a gap there: that needs no choice.
  stands(column, at) {
    const { said } = this.lines.find((line) => line.column === column);
    return said.find((part, n) => part && this.speaks(n)) === said[at];
  }

  all(at) {
    if (!this.speaks(at)) return;
    for (const { column, said, chosen } of this.lines) if (chosen && said[at]) this.pick(column, at);
  }

  changed() { return this.members.filter((row) => row?.changed); }

  confirm() { this.table.confirm(this.changed().length ? this.changed() : [this.asked]); }

  revert() { for (const row of this.changed()) this.table.revert(row); this.repaint(); }

  // Leaving what was chosen keeps it, as leaving an answer's field does.
  left(to) {
    if (to && (this.root.contains(to) || this.foot.contains(to))) return;
    const rows = this.changed().filter((row) => !row.pending && !row.problem);
    if (rows.length) this.table.confirm(rows);
  }

  repaint() {
    for (const row of this.members) row?.paint();
    this.table.tally();
    this.paint();
  }

  paint() {
    this.heads.forEach((head, n) => {
      const row = this.members[n];
      const part = !row ? "the record" : row.said === "" ? row.table.wording.nothing : row === this.asked ? "this row" : "goes into it too";
      const [said] = head.children;
      if (said.textContent !== part) said.textContent = part;
      head.classList.toggle("wbt-apart", !this.speaks(n));
      const all = head.querySelector("button");
      if (all) all.disabled = !this.speaks(n) || !this.members.some((each) => each && each.said !== "");
    });
    const merges = this.members.some((row) => row && row.said !== "");
    for (const line of this.lines) {
      const holds = merges ? this.holder(line) : -1;
      line.cells.forEach((pick, n) => {
        pick.checked = n === holds;
        pick.disabled = !merges || !this.speaks(n);
        pick.closest("td").classList.toggle("wbt-holds", n === holds);
      });
    }
    const own = this.members.flatMap((row) => (row ? row.word : []));
    const unsaved = this.changed().length > 0;
    const can = this.lines.some(({ chosen }) => chosen);
    const emptied = this.lines.filter(({ column, said, cells }) => merges && cells[this.holder({ column, said })] && !said[this.holder({ column, said })]);
    const lost = emptied.map(({ column, said }) => `${column} stays empty in the record; ${said.filter((part, n) => part && this.speaks(n)).map((part) => `“${part}”`).join(" and ")} will not be loaded.`);
    this.lost.textContent = lost.length ? `⚠ ${lost.join(" ")}` : "";
    this.lost.hidden = !lost.length;
    this.words.textContent = !can ? "" : !merges ? "Kept apart: each stays a record of its own." : `The record's own word stays${own.length ? `, except in ${own.join(", ")}` : ""}; gaps are filled.${unsaved ? " Not saved yet." : ""}`;
    this.done.hidden = !merges;
    this.done.disabled = !unsaved && Boolean(this.asked.answer);
  }
}
