// Which rows are shown, and in which order.

const FILTERS = ["unconfirmed", "unsure", "custom", "personal", "to watch"];
const SORTED = {
  name: (row) => row.called.toLowerCase(),
  fill: (row) => row.fill ?? row.shown,
  value: (row) => row.value.toLowerCase(),
  confidence: (row) => row.confidence ?? -1,
  state: (row) => row.state,
};

function passes(row, name, sure) {
  if (name === "unconfirmed") return !row.answer || row.pending || Boolean(row.problem);
  if (name === "unsure") return row.confidence === null || row.confidence < sure;
  return name === "to watch" ? row.warnings.length > 0 : row[name];
}

// A filter that no row of this kind of table could pass is not offered.
function offered(name, given, wording) {
  if (name === "custom" || name === "personal") return given.some((row) => row[name]);
  return name === "unsure" ? !wording.sides.length : name !== "to watch" || wording.reads;
}

function inOrder(rows, { by, down }) {
  if (!by) return rows;
  const of = SORTED[by];
  const before = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  return rows.sort((a, b) => (down ? -1 : 1) * before(of(a), of(b)) || a.order - b.order);
}
