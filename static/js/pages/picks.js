// Which runs are ticked for the comparison: kept in the address, so that a reload or Back does not lose them.

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

  const show = () => {
    for (const box of list.querySelectorAll("[name=run]")) box.checked = picked.has(box.value);
    button.disabled = picked.size < FEWEST || picked.size > MOST;
    button.title = button.disabled ? `Tick ${FEWEST} to ${MOST} runs to compare them` : "Compare the ticked runs (C)";
    words.textContent = pickedText(picked.size);
  };
  list.addEventListener("change", (event) => {
    if (event.target.name !== "run") return;
    if (event.target.checked) picked.add(event.target.value);
    else picked.delete(event.target.value);
    history.replaceState(null, "", location.pathname + withPicks(location.search, picked));
    show();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    location.assign(`/compare?${new URLSearchParams([...picked].map((id) => ["run", id]))}`);
  });
  show();
  return {
    show,
    drop(id) {
      if (!picked.delete(id)) return;
      history.replaceState(null, "", location.pathname + withPicks(location.search, picked));
      show();
    },
  };
}
