// Keyboard shortcuts: a page registers them, one listener runs them, the help overlay lists them. None without a
// visible control, none while somebody types.

const registered = new Map();

/** @param {KeyboardEvent} event @returns {string} "n", "?", "Space", "Shift+ArrowLeft" */
export function keyName(event) {
  const key = event.key === " " ? "Space" : event.key;
  if (key.length === 1) return key.toLowerCase();
  return event.shiftKey ? `Shift+${key}` : key;
}

/** @param {EventTarget | null} target @param {string} key whether this key belongs to the element itself */
export function belongsTo(target, key) {
  if (!target || !("tagName" in target)) return false;
  if (target.isContentEditable || ["TEXTAREA", "SELECT"].includes(target.tagName)) return true;
  if (target.tagName === "INPUT") {
    if (target.type === "range") return key.includes("Arrow") || key === "Home" || key === "End";
    return !["checkbox", "radio", "button", "submit"].includes(target.type) || key === "Space" || key.includes("Arrow");
  }
  return key === "Space" && ["BUTTON", "SUMMARY", "A"].includes(target.tagName);
}

/**
 * @param {string | string[]} keys as `keyName` writes them
 * @param {string} title what it does, for the overlay
 * @param {(event: KeyboardEvent) => void} run
 * @param {{group?: string}} [options]
 */
export function shortcut(keys, title, run, { group = "This page" } = {}) {
  const names = Array.isArray(keys) ? keys : [keys];
  for (const name of names) registered.set(name, { run });
  registered.get(names[0]).entry = { keys: names, title, group };
}

/** Name keys in the overlay that a part of the page hears itself. @param {string[]} keys @param {string} title @param {string} group */
export function named(keys, title, group) {
  registered.set(`${group}: ${title}`, { entry: { keys, title, group } });
}

/** @returns {{keys: string[], title: string, group: string}[]} in the order they came */
export function shortcuts() {
  return [...registered.values()].filter((one) => one.entry).map((one) => one.entry);
}

/** @param {KeyboardEvent} event */
export function handleKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const name = keyName(event);
  if (belongsTo(event.target, name) || document.querySelector("dialog[open]")) return;
  const found = registered.get(name);
  if (!found?.run) return;
  event.preventDefault();
  found.run(event);
}

export function mountKeyboard() {
  document.addEventListener("keydown", handleKey);
}
