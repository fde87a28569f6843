// From a form's fields to a configuration, and what a browser can tell of a value's faults. No DOM in here.

/**
 * A field as read: `control` is number, text, check, checks, list or select; `kind` says that a select's value is the
 * kind of an object, whose options are fields of their own.
 * @typedef {{pointer: string, control: string, value: string, checked?: boolean, nullable?: boolean, kind?: boolean,
 *   type?: string, minimum?: number, above?: number, maximum?: number, below?: number, isUnreadable?: boolean}} Entry
 */

/** @param {Entry[]} entries in the form's order, an object's kind before its options @returns {object} */
export function configOf(entries) {
  const config = {};
  for (const entry of entries) {
    if (entry.control === "checks") {
      const chosen = valueAt(config, entry.pointer) ?? [];
      put(config, entry.pointer, entry.checked ? [...chosen, entry.value] : chosen);
      continue;
    }
    const value = valueOf(entry);
    if (value !== undefined) put(config, entry.pointer, value);
  }
  return config;
}

/** @param {Entry} entry @returns {unknown} undefined where the field is left to its default */
export function valueOf(entry) {
  const text = entry.value.trim();
  switch (entry.control) {
    case "check":
      return entry.checked === true;
    case "select":
      if (text === "") return null;
      return entry.kind ? { kind: text } : text;
    case "list":
      return text
        .split(",")
        .map((word) => word.trim())
        .filter(Boolean)
        .map((word) => (entry.type === "string" ? word : numberOrText(word)));
    case "number":
      if (text === "") return entry.nullable ? null : undefined;
      return numberOrText(text);
    default:
      if (text === "") return entry.nullable ? null : undefined;
      return entry.type === "mixed" ? numberOrText(text) : text;
  }
}

/** What is wrong with a number, in a sentence, or "". @param {Entry} entry */
export function problemOf(entry) {
  if (entry.control !== "number") return "";
  if (entry.isUnreadable) return "This is not a number.";
  const text = entry.value.trim();
  if (text === "") return entry.nullable ? "" : "A number is needed here.";
  const value = Number(text);
  if (!Number.isFinite(value)) return "This is not a number.";
  if (entry.type === "integer" && !Number.isInteger(value)) return "A whole number is needed here.";
  if (entry.above !== undefined && value <= entry.above) return `Must be above ${entry.above}.`;
  if (entry.minimum !== undefined && value < entry.minimum) return `Must be at least ${entry.minimum}.`;
  if (entry.below !== undefined && value >= entry.below) return `Must be below ${entry.below}.`;
  if (entry.maximum !== undefined && value > entry.maximum) return `Must be at most ${entry.maximum}.`;
  return "";
}

/** The pointers at which a problem may be shown, nearest first. @param {string} pointer @returns {string[]} */
export function placesOf(pointer) {
  const parts = pointer.split("/");
  return parts.map((_, index) => parts.slice(0, parts.length - index).join("/")).filter(Boolean);
}

function numberOrText(text) {
  const number = Number(text);
  return text !== "" && Number.isFinite(number) ? number : text;
}

function keysOf(pointer) {
  return pointer
    .split("/")
    .slice(1)
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function put(config, pointer, value) {
  const keys = keysOf(pointer);
  const last = keys.pop();
  let place = config;
  for (const key of keys) place = place[key] ??= {};
  place[last] = value;
}

function valueAt(config, pointer) {
  return keysOf(pointer).reduce((place, key) => place?.[key], config);
}
