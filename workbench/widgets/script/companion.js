// What a form of ipywidgets has no script for: it says that the page shows it, keeps the form's keys from the notebook around it, and
// has its buttons pressed with what stands there.

// Keys that belong to a drop-down, a text or a button. What leaves the form, runs the cell or saves stays the notebook's.
function keptFrom(event) {
  if (event.ctrlKey || event.metaKey || event.key === "Escape" || event.key === "Tab" || /^F\d/.test(event.key)) return false;
  return !(event.key === "Enter" && event.shiftKey) && event.target.matches("input, select, textarea, button");
}

// A button is pressed with what the page shows at that moment: a control of ipywidgets may still hold its last change back,
// and the click would reach the kernel before it.
function press(model, form, button) {
  const at = [...form.querySelectorAll("button")].indexOf(button);
  if (at < 0 || at >= model.get("buttons")) return false;
  const fields = [...form.querySelectorAll("select, input, textarea")];
  model.send({ kind: "press", button: at, told: model.get("told"), said: fields.map((field) => field.selectedOptions?.[0]?.textContent ?? field.value) });
  return true;
}

// Enter in a line of questions confirms it, and goes on to the next.
function enter(model, form, field) {
  const lines = [...form.querySelectorAll(".wb-line")];
  const at = lines.findIndex((line) => line.contains(field));
  const button = lines[at]?.querySelector("button");
  if (!button || !press(model, form, button)) return false;
  (lines[at + 1]?.querySelector("select, input") ?? button).focus();
  return true;
}

// Back to the notebook, whose keys are its own again.
function leave(form) {
  for (const around of [form.closest(".jp-Cell"), form.closest(".jp-Notebook")]) if (form.contains(document.activeElement)) around?.focus();
}

function render({ model, el }) {
  el.style.display = "none";
  const leaving = presence((message) => model.send(message));
  const key = (event) => {
    if (event.key === "Escape") leave(form);
    if (!keptFrom(event)) return;
    if (event.key === "Enter" && !event.altKey && event.target.matches("select, input") && enter(model, form, event.target)) event.preventDefault();
    event.stopPropagation();
  };
  const click = (event) => {
    const button = event.target.closest("button");
    if (button && press(model, form, button)) event.stopImmediatePropagation();
  };
  let form = null, settling;
  // The script may be ready before its place in the form is. Only when it listens can anybody reach the form (`veil`).
  const settle = () => {
    form = el.closest(".wb-form");
    if (!form) { settling = setTimeout(settle, 20); return; }
    form.addEventListener("keydown", key);
    form.addEventListener("click", click, { capture: true });
    form.classList.add("wb-held");
  };
  settle();
  return () => {
    clearTimeout(settling);
    form?.removeEventListener("keydown", key);
    form?.removeEventListener("click", click, { capture: true });
    leaving();
  };
}

export default { render };
