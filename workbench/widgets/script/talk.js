// The line to the kernel: what is asked, what is still waited for, and what came back.

const SILENCE = 5000; // milliseconds after which a kernel that does not answer is called silent
const SILENT = "The kernel has not answered, so this is not saved yet. If it is busy with another cell, it answers after that; if not, run this cell again: what it shows then is what is kept.";
const AT_ONCE = 12; // columns on which answers are tried in one go, so that the kernel stays free for the next answer
const EVERY = 600; // tables of more rows are tried only as far as they are looked at

class Talk {
  constructor(table, model) {
    this.table = table;
    this.model = model;
    this.waiting = new Map(); // number of a message → rows it is about
    this.count = 0;
    this.trying = false;
  }

  // A second page on the same kernel hears all answers: the number says whose they are.
  send(message) {
    const number = `${this.table.view}-${++this.count}`;
    this.model.send({ ...message, number });
    return number;
  }

  say(message, rows) {
    const timer = setTimeout(() => this.table.tell(SILENT), SILENCE);
    this.waiting.set(this.send(message), { rows, timer });
  }

  heard(message) {
    if (message.kind === "fitted") this.fitted(message);
    if (message.kind === "looked") for (const [{ subject }, found] of message.looks) this.table.rows.get(subject)?.detail?.show(found);
    if (message.kind !== "heard" || !this.waiting.has(message.number)) return;
    const { rows, timer } = this.waiting.get(message.number);
    clearTimeout(timer);
    this.waiting.delete(message.number);
    const { problems } = message;
    const general = problems[""] ?? "";
    for (const row of rows) {
      row.pending = false;
      row.problem = problems[row.id] ?? general;
      if (!row.problem) { row.typed = null; row.reading = null; row.words = null; }
    }
    this.table.answered(problems, rows, general);
  }

  // ---------------------------------------------------------------- what answers would make of columns

  // Rows in view first; the others one lot after the other, so that their warnings are there before anybody scrolls.
  askFits() {
    if (!this.table.wording.reads || this.trying) return;
    const lacks = (row) => row.trial && !row.fits.has(row.asking) && this.table.possible(row, row.trial);
    const seen = this.table.inView().filter(lacks);
    const all = seen.length || this.table.rows.size > EVERY ? seen : [...this.table.rows.values()].filter(lacks);
    const rows = all.slice(0, AT_ONCE);
    if (!rows.length) return;
    this.trying = true;
    this.send({ kind: "fit", asked: rows.map((row) => ({ subject: row.id, text: row.trial, reading: row.reading, key: row.asking })) });
    clearTimeout(this.giveUp);
    this.giveUp = setTimeout(() => { this.trying = false; }, SILENCE);
  }

  fitted({ fits, number }) {
    for (const [{ subject, key }, fit] of fits) {
      const row = this.table.rows.get(subject);
      row?.fits.set(key, fit);
      row?.paint();
    }
    if (!number.startsWith(this.table.view)) return;
    this.trying = false;
    this.table.tally();
    setTimeout(() => this.askFits(), 30);
  }

  look(row) { this.send({ kind: "look", asked: [{ subject: row.id }] }); }
}
