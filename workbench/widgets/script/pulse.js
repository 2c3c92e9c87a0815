// Nothing to be seen: it asks the kernel whether something was decided elsewhere, for as long as somebody looks, and it keeps
// the keys of the form in which it lies from the notebook around it.

const BETWEEN = 5000, SLOWEST = 60000; // milliseconds from an answer to the next question; a kernel that is silent is asked less often

function looked() { return document.visibilityState === "visible"; }

// Asks at once when somebody comes back to the page, and every now and then while it is looked at; one question at a time.
function pulse(ask) {
  let timer, wait = BETWEEN, asked = false;
  const again = () => { clearTimeout(timer); timer = setTimeout(beat, wait); };
  const beat = () => {
    if (looked()) {
      if (asked) wait = Math.min(2 * wait, SLOWEST);
      asked = true;
      try { ask(); } catch { /* the kernel is gone; what it showed goes with it, or it comes back and is asked again */ }
    }
    again();
  };
  const back = () => { if (looked() && !asked) beat(); };
  document.addEventListener("visibilitychange", back);
  window.addEventListener("focus", back);
  again();
  return {
    answered: () => { asked = false; wait = BETWEEN; again(); },
    stop: () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", back);
      window.removeEventListener("focus", back);
    },
  };
}

// Keys that belong to a drop-down, a text or a button. What leaves the form, runs the cell or saves stays the notebook's.
function keptFrom(event) {
  if (event.ctrlKey || event.metaKey || event.key === "Escape" || event.key === "Tab" || /^F\d/.test(event.key)) return false;
  return !(event.key === "Enter" && event.shiftKey) && event.target.matches("input, select, textarea, button");
}
