// The pulse as a widget of its own, for forms that have no script.

// A button is pressed with what the page shows at that moment: a control of ipywidgets may still hold its last change back,
// and the click would reach the kernel before it.
function press(model, form, button) {
  const at = [...form.querySelectorAll("button")].indexOf(button);
  if (at < 0 || at >= model.get("buttons")) return false;
  const fields = [...form.querySelectorAll("select, input, textarea")];
  model.send({ kind: "press", button: at, said: fields.map((field) => field.selectedOptions?.[0]?.textContent ?? field.value) });
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
  const beating = pulse(() => model.send({ kind: "beat" }));
  model.on("msg:custom", beating.answered);
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
  let form = null;
  const settled = requestAnimationFrame(() => {
    form = el.closest(".wb-form");
    form?.addEventListener("keydown", key);
    form?.addEventListener("click", click, { capture: true });
  });
  return () => {
    cancelAnimationFrame(settled);
    form?.removeEventListener("keydown", key);
    form?.removeEventListener("click", click, { capture: true });
    model.off("msg:custom", beating.answered);
    beating.stop();
  };
}

export default { render };
