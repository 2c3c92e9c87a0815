// How the notebook shows the table, and lets it go.

function render({ model, el }) {
  const table = new Table(model, el);
  const paint = () => table.paint();
  const heard = (message) => table.talk.heard(message);
  const leaving = presence((message) => model.send(message));
  const watched = ["answers", "person", "undoable", "redoable", "notices"];
  for (const name of watched) model.on(`change:${name}`, paint);
  model.on("msg:custom", heard);
  return () => {
    for (const name of watched) model.off(`change:${name}`, paint);
    model.off("msg:custom", heard);
    leaving();
  };
}

export default { render };
