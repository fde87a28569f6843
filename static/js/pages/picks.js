// Which runs are ticked, to be compared, stopped or deleted: kept in the address, so that a reload or Back does not lose
// them.
import { OVER } from "./run_verbs.js";

export const FEWEST = 2;
export const MOST = 6;

/** @param {number} count @returns {string} what stands beside the button */
export function pickedText(count) {
  if (count === 0) return "";
  if (count < FEWEST) return `${count} picked, pick one more`;
  if (count > MOST) return `${count} picked, at most ${MOST} fit`;
  return `${count} picked`;
}

/** @param {string} search @param {Iterable<string>} ids */
export function withPicks(search, ids) {
  const query = new URLSearchParams(search);
  query.delete("pick");
  for (const id of ids) query.append("pick", id);
  const text = query.toString();
  return text ? `?${text}` : "";
}

/** @param {HTMLFormElement} form the comparison's @param {Element} list @returns {{show: () => void}} to be called when rows changed */
export function mountPicks(form, list) {
  const picked = new Set(new URLSearchParams(location.search).getAll("pick"));
  const button = form.querySelector("[data-compare-button]");
  const words = form.querySelector("[data-picked]");
  const deleting = form.querySelector("[data-delete-button]");
  const stopping = form.querySelector("[data-stop-button]");
  const boxes = () => [...list.querySelectorAll("tr:not([hidden]) [name=run]")];

  const keep = () => {
    history.replaceState(null, "", location.pathname + withPicks(location.search, picked));
    show();
  };
  const show = () => {
    for (const box of boxes()) box.checked = picked.has(box.value);
    const all = list.querySelector("[data-pick-all]");
    if (all) all.checked = boxes().every((box) => box.checked);
    deleting.hidden = picked.size === 0;
    const known = new Map(boxes().map((box) => [box.value, box.closest("[data-run]").dataset.status]));
    // What is ticked on another page of the list may be going.
    stopping.hidden = [...picked].every((id) => OVER.has(known.get(id)));
    button.disabled = picked.size < FEWEST || picked.size > MOST;
    button.title = button.disabled ? `Tick ${FEWEST} to ${MOST} runs to compare them` : "Compare the ticked runs (C)";
    words.textContent = pickedText(picked.size);
  };
  list.addEventListener("change", (event) => {
    const { target } = event;
    if (target.name !== "run" && !target.matches("[data-pick-all]")) return;
    for (const box of target.name === "run" ? [target] : boxes()) {
      if (target.checked) picked.add(box.value);
      else picked.delete(box.value);
    }
    keep();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    location.assign(`/compare?${new URLSearchParams([...picked].map((id) => ["run", id]))}`);
  });
  show();
  return {
    show,
    ids: () => [...picked],
    drop(id) {
      if (picked.delete(id)) keep();
    },
  };
}
