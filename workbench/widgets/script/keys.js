// The keys: one list, from which the help panel is written and by which a key pressed is obeyed.

// In an answer's field. `fresh`: only while nothing has been typed there, as the key may belong to an answer.
const ROW_KEYS = [
  { keys: ["Enter"], does: "confirm, and go to the next unconfirmed", short: "confirm, next", run: (table, row, listed) => table.enter(row, listed) },
  { keys: ["ArrowDown"], shown: "↓ ↑", does: "move from row to row, or in the list of answers", short: "move", run: (table, row, listed) => (listed ? table.picker.move(1) : table.step(row, 1)) },
  { keys: ["ArrowUp"], run: (table, row, listed) => (listed ? table.picker.move(-1) : table.step(row, -1)) },
  { keys: ["PageDown"], shown: "PgDn PgUp", does: "move by ten rows", run: (table, row) => table.step(row, 10) },
  { keys: ["PageUp"], run: (table, row) => table.step(row, -10) },
  { keys: ["Ctrl+Home"], shown: "Ctrl+Home, Ctrl+End", does: "first row, last row", run: (table, row) => table.step(row, -Infinity) },
  { keys: ["Ctrl+End"], run: (table, row) => table.step(row, Infinity) },
  { keys: ["Alt+N"], shown: "Alt+N, Alt+P", does: "next and previous unconfirmed", short: "next open", run: (table, row) => table.toOpen(row, 1) },
  { keys: ["Alt+P"], run: (table, row) => table.toOpen(row, -1) },
  { keys: ["Alt+ArrowDown"], shown: "Alt+↓", does: "list all answers", short: "all answers", run: (table, row) => table.picker.open(row, "") },
  { keys: ["Alt+Enter"], does: "open the row: why, samples as they would arrive, records side by side", short: "open", run: (table, row) => table.toggle(row) },
  { keys: ["Alt+R"], does: "choose how the column is read (Esc back)", run: (table, row) => table.toReading(row) },
  { keys: ["Alt+F"], does: "choose whose word stands, field by field, where records stand side by side (Esc back)", run: (table, row) => chooseFields(table, row) },
  { keys: ["Alt+C"], does: "comment (Enter confirms, Esc back)", run: (table, row) => row.note.focus() },
  { keys: ["Ctrl+Space"], does: "select the row", run: (table, row) => table.choose(row) },
  { keys: ["Escape"], shown: "Esc", does: "close the list, or take back what was typed", run: (table, row, listed) => (listed ? table.picker.close() : table.revert(row)) },
];

// Anywhere in the table.
const TABLE_KEYS = [
  { keys: ["Alt+A"], does: "accept every proposal shown that is sure enough", short: "accept all sure", run: (table) => table.accept() },
  { keys: ["Alt+S"], does: "accept the selected rows", run: (table) => table.confirm(table.selected()) },
  { keys: ["Ctrl+Z"], fresh: true, does: "undo", short: "undo", run: (table) => table.turn("undo") },
  { keys: ["Ctrl+Y", "Ctrl+Shift+Z"], fresh: true, shown: "Ctrl+Y", does: "redo", run: (table) => table.turn("redo") },
  { keys: ["/"], fresh: true, does: "search", run: (table) => table.find.focus() },
  ...FILTERS.map((name, n) => ({ keys: [`Alt+${n + 1}`], shown: n ? "" : "Alt+1 … Alt+5", does: `filter: ${FILTERS.join(", ")}`, run: (table) => table.filters.get(name)?.click() })),
  { keys: ["?", "F1"], fresh: true, shown: "?", does: "this list", short: "all keys", run: (table) => table.help() },
];

function pressed(event, combo) {
  const parts = combo.split(/\+(?=.)/);
  const key = parts.pop();
  const wanted = (name) => parts.includes(name);
  if ((event.ctrlKey || event.metaKey) !== wanted("Ctrl") || event.altKey !== wanted("Alt")) return false;
  if (key === "?" || key === "/") return event.key === key;
  if (event.shiftKey !== wanted("Shift")) return false;
  if (/^[A-Z]$/.test(key)) return event.code === `Key${key}` || event.key.toUpperCase() === key;
  if (/^\d$/.test(key)) return event.code === `Digit${key}`;
  return event.key === (key === "Space" ? " " : key);
}

// Obeys the key, where one of the list was pressed; `row` is the one in whose field it was.
function obey(table, event, list, row) {
  const found = list.find(({ keys }) => keys.some((combo) => pressed(event, combo)));
  const typing = row ? row.changed : event.target.matches("input:not([type=checkbox], [type=radio], [type=range]), textarea");
  if (!found || (found.fresh && typing)) return false;
  event.preventDefault();
  found.run(table, row, table.picker.row === row && row !== undefined);
  return true;
}

function shortKeys() {
  const shown = [{ shown: "type", short: "choose" }, ...ROW_KEYS, ...TABLE_KEYS].filter(({ short }) => short);
  return shown.map(({ keys, shown: name, short }) => element("span", {}, element("kbd", { textContent: name ?? keys[0] }), ` ${short}`));
}

function helpPanel(close) {
  const all = [{ shown: "letters", does: "choose an answer by typing a part of it" }, ...ROW_KEYS, ...TABLE_KEYS].filter(({ does, shown }) => does && shown !== "");
  const lines = all.flatMap(({ keys, shown, does }) => [element("dt", {}, ...(shown ?? keys[0]).split(", ").map((name) => element("kbd", { textContent: name }))), element("dd", { textContent: does })]);
  const done = button("Close", close, { className: "wbt-quiet", title: "Close (Esc)" });
  const panel = element("div", { className: "wbt-help", role: "dialog", label: "Keys", hidden: true }, element("div", { className: "wbt-line" }, text("strong", "", "Keys"), element("span", { className: "wbt-gap" }), done), element("dl", {}, ...lines));
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape" || event.key === "?") { event.preventDefault(); event.stopPropagation(); close(); }
    if (event.key === "Tab") event.preventDefault(); // the one button is all there is to reach
  });
  panel.focusFirst = () => done.focus();
  return panel;
}
