// What varies in a sweep: the fields that the chosen kinds have, and in the base, fields that an axis has values for.

const WORDS = "Varied: its values stand under “What varies”.";

/**
 * Offer what the newer page offers, without touching what was chosen meanwhile.
 * @param {HTMLFormElement} form @param {Document} newer
 */
export function showOffers(form, newer) {
  for (const axis of form.querySelectorAll("[data-axis]")) {
    const offered = newer.getElementById(axis.id);
    const values = (select) => [...select.options].map(({ value }) => value);
    const isKept = offered && values(offered).includes(axis.value);
    if (!isKept || values(axis).join() === values(offered).join()) continue;
    const chosen = axis.value;
    axis.replaceChildren(...[...offered.childNodes].map((node) => document.importNode(node, true)));
    axis.value = chosen;
  }
}

/**
 * Let the base's fields that vary wait, and say so. What stands in them goes on being sent: the options of a kind hang
 * on it.
 * @param {HTMLFormElement} form
 */
export function showVaried(form) {
  const axes = [...form.querySelectorAll("[data-axis]")];
  const varied = new Set(axes.map((axis) => axis.selectedOptions[0]?.dataset.pointer));
  for (const field of form.querySelectorAll("[data-field]")) {
    const control = field.querySelector("[data-control]");
    const before = field.querySelector("[data-sent]");
    if (varied.has(field.dataset.field)) {
      const sent = before ?? field.appendChild(sentFor(control));
      sent.value = control.type === "checkbox" ? String(control.checked) : control.value;
      sent.disabled = field.hidden;
      control.disabled = true;
    } else if (before) {
      before.remove();
      field.querySelector("[data-varied]").remove();
      control.disabled = field.hidden;
    }
  }
}

function sentFor(control) {
  const words = document.createElement("p");
  words.className = "field-help";
  words.dataset.varied = "";
  words.textContent = WORDS;
  control.closest("[data-field]").querySelector(".field-help").before(words);
  const sent = document.createElement("input");
  Object.assign(sent, { type: "hidden", name: control.name });
  sent.dataset.sent = "";
  return sent;
}
