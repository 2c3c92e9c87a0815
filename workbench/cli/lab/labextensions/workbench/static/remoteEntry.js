// A card in JupyterLab's launcher that opens the start page of the migration. Written as JupyterLab loads it, so that it is made by
// no other tool, and takes what it needs from the page itself: https://jupyterlab.readthedocs.io/en/stable/extension/extension_dev.html

(() => {
  const COMMAND = "workbench:start", START = "start.ipynb", MARK = "engagement.toml";
  const ICON = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path fill="none" stroke="#3d82c4" stroke-width="2"'
    + ' stroke-linecap="round" stroke-linejoin="round" d="M3 6h7v12H3zM14 6h7v12h-7zM7 12h10m-3-3 3 3-3 3"/></svg>';
  let shared; // what the page has loaded, by the name of its package

  // A module of the page: the one that JupyterLab itself uses, since a token of another copy would be another token.
  async function provided(name) {
    const [version] = Object.values(shared[name]);
    return (await version.get())();
  }

  // Where engagements lie: in the folder that is looked at or one above it, else right below it or below the first folder.
  async function startPages(contents, folder) {
    const names = async (path) => {
      try { return (await contents.get(path, { content: true })).content; } catch { return []; }
    };
    const isOne = (entries) => entries.some(({ name }) => name === MARK) && entries.some(({ name }) => name === START);
    const above = folder.split("/").map((_, n, parts) => parts.slice(0, parts.length - n).join("/"));
    for (const path of [...above, ""]) if (isOne(await names(path))) return [path ? `${path}/${START}` : START];
    for (const path of [folder, ""]) {
      const folders = (await names(path)).filter(({ type }) => type === "directory");
      const found = await Promise.all(folders.map(async (each) => (isOne(await names(each.path)) ? `${each.path}/${START}` : null)));
      if (found.some(Boolean)) return found.filter(Boolean);
    }
    return [];
  }

  async function chosen(pages, { InputDialog, showErrorMessage }) {
    if (!pages.length) {
      await showErrorMessage("No migration here", `There is no folder with ${MARK} and ${START} here. Make one with: workbench new DIR`);
      return null;
    }
    if (pages.length === 1) return pages[0];
    const items = pages.map((page) => page.slice(0, -START.length - 1));
    const { value } = await InputDialog.getItem({ title: "Which migration?", items });
    return value ? `${value}/${START}` : null;
  }

  async function extension() {
    const [{ ILauncher }, dialogs, { LabIcon }] = await Promise.all(["launcher", "apputils", "ui-components"].map((name) => provided(`@jupyterlab/${name}`)));
    const activate = (app, launcher) => {
      app.commands.addCommand(COMMAND, {
        label: "Migration",
        caption: "The start page of the migration: its phases, what is open, and where its rows are",
        icon: new LabIcon({ name: COMMAND, svgstr: ICON }),
        execute: async ({ cwd }) => {
          const path = await chosen(await startPages(app.serviceManager.contents, cwd ?? ""), dialogs);
          return path ? app.commands.execute("docmanager:open", { path }) : null;
        },
      });
      launcher?.add({ command: COMMAND, category: "Notebook", rank: 1000, kernelIconUrl: `data:image/svg+xml,${encodeURIComponent(ICON)}` });
    };
    return { __esModule: true, default: { id: "workbench:start", description: "Opens the start page of the migration", autoStart: true, optional: [ILauncher], activate } };
  }

  window._JUPYTERLAB = window._JUPYTERLAB ?? {};
  window._JUPYTERLAB.workbench = {
    init: (scope) => { shared = scope; },
    get: async () => { const module = await extension(); return () => module; },
  };
})();
