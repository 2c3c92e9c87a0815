// The front end of the table of decisions. It keeps nothing: what is shown comes from the kernel, what is answered goes there,
// and an answer counts as unsaved until the kernel has said that it is in the store.

function element(name, properties = {}, ...children) {
  const { label, role, data = {}, ...plain } = properties;
  const made = Object.assign(document.createElement(name), plain);
  if (label) made.setAttribute("aria-label", label);
  if (role) made.setAttribute("role", role);
  Object.assign(made.dataset, data);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// Lab must not take keys pressed on a button for its own; text fields it leaves alone.
function control(name, properties, ...children) {
  const made = element(name, properties, ...children);
  made.setAttribute("data-lm-suppress-shortcuts", "true");
  return made;
}

function button(text, does, properties = {}) {
  const made = control("button", { type: "button", textContent: text, ...properties });
  made.onclick = does;
  return made;
}

function text(name, className, textContent) {
  return element(name, { className, textContent });
}
