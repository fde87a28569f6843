// The form's fields in the page: reading them, showing those of the chosen kinds, and problems beside them.
import { placesOf } from "./form_values.js";

const number = (text) => (text === undefined || text === "" ? undefined : Number(text));

/** @param {HTMLFormElement} form @returns {{element: HTMLElement, entry: import("./form_values.js").Entry}[]} */
export function fieldsOf(form) {
  return [...form.elements].filter((element) => element.dataset?.control && !isOff(element)).map((element) => ({ element, entry: entryOf(element) }));
}

function isOff(element) {
  return element.matches(":disabled");
}

function entryOf(element) {
  const { control, type, nullable, above, below } = element.dataset;
  const entry = { pointer: element.name, control, type, value: element.value, checked: element.checked, nullable: nullable !== undefined };
  if (control === "select") entry.kind = element.selectedOptions[0]?.dataset.kind !== undefined;
  if (control === "number") {
    entry.isUnreadable = element.validity.badInput;
    Object.assign(entry, { above: number(above), below: number(below) });
    if (entry.above === undefined) entry.minimum = number(element.min);
    if (entry.below === undefined) entry.maximum = number(element.max);
  }
  return entry;
}

/** Show the options of the chosen kinds, and the fields whose condition holds. @param {HTMLFormElement} form */
export function showChosen(form) {
  for (const select of form.querySelectorAll("select[data-control=select]")) {
    for (const branch of form.querySelectorAll(`[data-branch-of="${select.name}"]`)) {
      branch.disabled = branch.hidden = branch.dataset.branchKind !== select.value || select.closest("[hidden]") !== null;
    }
    const help = document.getElementById(`${select.id}-help`);
    help.textContent = select.selectedOptions[0]?.dataset.help || help.dataset.help;
  }
  for (const figure of form.querySelectorAll("[data-curves-of]")) {
    const chosen = form.querySelector(`[name="${figure.dataset.curvesOf}"]`);
    for (const curve of figure.querySelectorAll("[data-curve]")) curve.hidden = curve.dataset.curve !== chosen.value;
    figure.hidden = figure.querySelector("[data-curve]:not([hidden])") === null;
  }
  for (const field of form.querySelectorAll("[data-needs]")) {
    const chosen = form.querySelector(`[name="${field.dataset.needs}"]`)?.value;
    field.hidden = !field.dataset.needsValues.split(" ").includes(chosen);
    for (const control of field.querySelectorAll("[name]")) control.disabled = field.hidden;
    const figure = form.querySelector(`[data-curves-of="${field.dataset.field}"]`);
    if (figure && field.hidden) figure.hidden = true;
    for (const branch of form.querySelectorAll(`[data-branch-of="${field.dataset.field}"]`)) {
      if (field.hidden) branch.disabled = branch.hidden = true;
    }
  }
}

/** @param {HTMLElement} field the element around a control @param {string} text "" takes it away */
export function showProblem(field, text) {
  field.querySelector(".field-error").textContent = text;
  for (const control of field.querySelectorAll("[data-control]")) {
    if (text) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  }
}

/** @param {HTMLFormElement} form */
export function clearProblems(form) {
  for (const field of form.querySelectorAll("[data-field]")) showProblem(field, "");
  form.querySelector("[data-problems]").replaceChildren();
}

/**
 * Put each problem beside its field, or beside the nearest one that there is; the rest is listed by the button.
 * @param {HTMLFormElement} form @param {{pointer?: string, detail: string}[]} problems
 */
export function showProblems(form, problems) {
  let first = null;
  for (const { pointer = "", detail } of problems) {
    const field = placesOf(pointer).map((place) => fieldAt(form, place)).find(Boolean);
    if (field) {
      showProblem(field, detail);
      for (let more = field.closest("details"); more; more = more.parentElement.closest("details")) more.open = true;
      first ??= field;
    } else {
      const line = document.createElement("p");
      line.className = "field-error";
      line.textContent = pointer ? `${pointer}: ${detail}` : detail;
      form.querySelector("[data-problems]").append(line);
    }
  }
  const control = first?.querySelector("[data-control]");
  control?.focus({ preventScroll: true });
  // In the middle, where its message is in sight as well.
  first?.scrollIntoView({ block: "center" });
  listMarked(form);
}

/** Count anew by the button what is still refused, where that was told. @param {HTMLFormElement} form */
export function recountProblems(form) {
  if (form.querySelector("[data-refused]")) listMarked(form);
}

/** Say by the button how many fields are refused, and lead to each. @param {HTMLFormElement} form */
function listMarked(form) {
  const fields = [...form.querySelectorAll("[data-field]")].filter(
    (field) => field.querySelector(".field-error").textContent && !field.closest("[hidden]"),
  );
  const refused = fields.map((field) => field.dataset.field).join(" ");
  const before = form.querySelector("[data-refused]");
  // Said once: the same list again would be read aloud at every key.
  if (before?.dataset.refused === refused) return;
  before?.remove();
  if (!fields.length) return;
  const line = document.createElement("p");
  line.className = "field-error";
  line.dataset.refused = refused;
  line.append(fields.length === 1 ? "One field is refused: " : `${fields.length} fields are refused: `);
  for (const [index, field] of fields.entries()) {
    const control = field.querySelector("[data-control]");
    const link = document.createElement("a");
    link.href = `#${control.id || field.id}`;
    link.textContent = field.querySelector(".field-label").textContent;
    link.addEventListener("click", (event) => {
      event.preventDefault();
      control.focus({ preventScroll: true });
      field.scrollIntoView({ block: "center" });
    });
    line.append(index ? ", " : "", link);
  }
  form.querySelector("[data-problems]").prepend(line);
}

function fieldAt(form, pointer) {
  const found = [...form.querySelectorAll(`[data-field="${CSS.escape(pointer)}"]`)];
  return found.find((field) => !field.closest("[hidden]"));
}
