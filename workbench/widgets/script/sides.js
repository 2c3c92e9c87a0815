// What a table of conflicts has beyond others: the three sides in full where a row is opened, and one answer for many rows.

function sidesInFull(row) {
  const { sides } = row.table.wording;
  const lines = row.sides.map((said, n) => element("tr", { className: n && said !== row.sides[0] ? "wbt-differs" : "" }, element("th", { scope: "row", textContent: sides[n] }), text("td", said ? "" : "wbt-soft", said || "nothing")));
  const key = element("tr", {}, element("th", { scope: "row", textContent: "key" }), text("td", "wbt-soft", row.id));
  return element("table", { className: "wbt-plain", label: "The three sides" }, element("tbody", {}, ...lines, key));
}

// Answers the selected rows: with what is proposed, and where all rows take the same answers, with one of these.
class Bulk {
  constructor(table) {
    this.table = table;
    const [first] = table.wording.sides.length ? table.rows.values() : [];
    this.chosen = button("", () => table.confirm(table.selected()), { title: "Alt+S" });
    this.buttons = first ? (table.model.get("offers")[first.group] ?? []).map(([answer, hint]) => [answer, button("", () => this.give(answer), { title: `Give the selected rows this answer: ${hint || answer}`, hidden: true })]) : [];
    this.root = element("span", { className: "wbt-turns" }, ...this.buttons.map(([, made]) => made), this.chosen);
  }

  give(answer) {
    const rows = this.table.selected().filter((row) => this.table.possible(row, answer));
    for (const row of rows) row.type(answer);
    this.table.confirm(rows);
  }

  tell(selected) {
    this.chosen.textContent = `Accept ${selected} selected`;
    this.chosen.hidden = !selected || this.buttons.length > 0;
    for (const [answer, made] of this.buttons) {
      made.hidden = !selected;
      made.textContent = `${answer} for ${selected} selected`;
    }
  }
}
