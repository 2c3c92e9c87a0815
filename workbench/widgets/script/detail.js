// What stands behind one row, where it is opened: why, what else, each sample as it would arrive, and records side by side.

class Detail {
  constructor(row) {
    this.row = row;
    this.table = row.table;
    this.cell = element("td", { colSpan: row.tr.children.length - 1 });
    this.tr = element("tr", { className: "wbt-more" }, element("td"), this.cell);
    row.tr.after(this.tr);
    row.why.setAttribute("aria-expanded", "true");
    this.looked = element("div", { className: "wbt-looked" }, row.sides.length ? sidesInFull(row) : null);
    this.pairs = element("div", { className: "wbt-pairs" });
    this.cell.append(element("div", { className: "wbt-cols" }, this.reasons(), this.choices()), this.pairs, this.looked);
    this.paint();
  }

  close() {
    this.tr.remove();
    this.row.detail = null;
    this.row.why.setAttribute("aria-expanded", "false");
  }

  reasons() {
    const { reasons } = this.row;
    const list = (reasons.length ? reasons : ["no reason was recorded"]).map((reason) => element("li", { textContent: reason }));
    return element("div", {}, text("b", "", "Why"), element("ul", {}, ...list));
  }

  choices() {
    const { row, table } = this;
    const take = (answer) => button(answer || table.wording.nothing, () => table.put(row, answer || table.wording.nothing));
    const others = row.alternatives.filter((answer) => answer !== row.proposed).map(take);
    const parts = others.length ? [element("div", {}, text("b", "", "Or"), " ", ...others)] : [];
    if (table.wording.reads) parts.push(this.reader());
    return element("div", {}, ...parts);
  }

  // The way of reading: the destination field has a usual one, and a person may know better.
  reader() {
    const { row, table } = this;
    const usual = element("option", { value: "", textContent: "as usual for the field" });
    this.select = control("select", { label: `How ${row.name} is read` }, usual, ...table.model.get("readings").map((name) => element("option", { value: name, textContent: name })));
    this.select.onchange = () => { row.reading = this.select.value; row.problem = ""; row.paint(); table.tally(); table.askFits(); };
    this.select.onkeydown = (event) => {
      if (event.key === "Escape") { event.preventDefault(); row.input.focus(); }
      if (event.key === "Enter") { event.preventDefault(); if (table.confirm([row])) row.input.focus(); }
    };
    return element("label", { className: "wbt-reader" }, text("b", "", "Read as"), " ", this.select);
  }

  paint() {
    const { row } = this;
    this.cluster?.paint();
    if (this.select && this.select.value !== row.readAs) {
      if (![...this.select.options].some(({ value }) => value === row.readAs)) this.select.append(element("option", { value: row.readAs, textContent: row.readAs }));
      this.select.value = row.readAs;
    }
    const shown = JSON.stringify([row.fit ?? null, row.warnings]);
    if (this.painted === shown) return;
    this.painted = shown;
    const lines = (row.fit?.pairs ?? []).map(([source, becomes, why, refused]) => element("tr", { className: refused ? "wbt-refused" : "" },
      text("td", "", source), text("td", "wbt-arrow", "→"), text("td", refused ? "wbt-no" : "wbt-yes", refused ? "refused" : becomes), text("td", "wbt-soft", why)));
    const warned = row.warnings.map((warning) => text("p", "wbt-warn", `⚠ ${warning}`));
    const head = row.fit?.reading ? text("small", "", `read as ${row.fit.reading}`) : null;
    this.pairs.replaceChildren(...[...warned, lines.length ? head : null, lines.length ? element("table", { className: "wbt-plain", label: "Samples as they would arrive" }, element("tbody", {}, ...lines)) : null].filter(Boolean));
  }

  show({ heads, lines, differs, subjects, chosen, needed }) {
    if (!lines.length) return;
    if (subjects.length) {
      this.cluster = new Cluster(this, { heads, lines, differs, subjects, chosen, needed });
      this.looked.replaceChildren(this.cluster.root);
      this.looked.after(this.cluster.foot);
      if (this.chooses) this.cluster.focusFirst();
      return;
    }
    const head = element("tr", {}, element("th"), ...heads.map((name) => element("th", { scope: "col", textContent: name })));
    const body = lines.map(([name, ...said], n) => element("tr", { className: differs[n] ? "wbt-differs" : "" }, element("th", { scope: "row", textContent: name }), ...said.map((part) => text("td", "", part || "–"))));
    this.looked.replaceChildren(element("table", { className: "wbt-plain", label: "Side by side" }, element("thead", {}, head), element("tbody", {}, ...body)));
  }
}
