// Nothing to be seen: it says once that the page shows a form or a table, and once that it does so no longer. What is decided
// elsewhere the kernel tells by itself; a page that asked every now and then would keep an idle kernel from being seen as idle.

function presence(say) {
  const page = Math.random().toString(36).slice(2);
  let said = false;
  const tell = (now) => {
    if (now === said) return;
    said = now;
    try { say({ kind: now ? "shown" : "hidden", page }); } catch { /* the kernel is gone; if it comes back, what it shows is drawn anew */ }
  };
  const looked = () => tell(document.visibilityState === "visible");
  const left = () => tell(false);
  document.addEventListener("visibilitychange", looked);
  window.addEventListener("pageshow", looked);
  window.addEventListener("pagehide", left);
  looked();
  return () => {
    document.removeEventListener("visibilitychange", looked);
    window.removeEventListener("pageshow", looked);
    window.removeEventListener("pagehide", left);
    left();
  };
}
