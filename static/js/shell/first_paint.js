// Runs before the first paint, as a classic script, so that the chosen theme never flashes past in the other one.
// ?theme= speaks for a shared link; what the reader chose before is in the local store.
(() => {
  const linked = new URLSearchParams(location.search).get("theme");
  let kept = null;
  try {
    kept = localStorage.getItem("gradtide.theme");
  } catch {
    // A browser that keeps nothing follows the system.
  }
  const theme = linked ?? kept;
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();
