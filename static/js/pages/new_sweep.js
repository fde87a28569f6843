// The form of a new sweep: fields of the chosen kinds, and while one types how many runs it makes and what is wrong.
import { newest } from "../wire/newest.js";
import { showChosen } from "./form_fields.js";
import { replaceParts } from "./page_parts.js";
import { showOffers, showVaried } from "./varied.js";

const TYPING_MS = 400;

const form = document.querySelector("[data-new-sweep]");
let typing = 0;

const preview = newest(async () => {
  try {
    const response = await fetch("/sweeps/new?preview=1", { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (!response.ok) return;
    const newer = new DOMParser().parseFromString(await response.text(), "text/html");
    replaceParts(newer);
    showOffers(form, newer);
    showInvalid(newer);
  } catch {
    // The service is away: what it would say comes with the next change, or with the start.
  }
});

/** Mark the controls that the newer page marks, and say beside each of the base's fields what it says there. */
function showInvalid(newer) {
  for (const control of form.querySelectorAll("[name]")) {
    const found = newer.getElementById(control.id);
    if (!control.id || !found) continue;
    if (found.hasAttribute("aria-invalid")) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
    const problem = document.getElementById(`${control.id}-error`);
    if (problem) problem.textContent = newer.getElementById(`${control.id}-error`)?.textContent ?? "";
  }
}

form.addEventListener("input", () => {
  showChosen(form);
  showVaried(form);
  clearTimeout(typing);
  typing = setTimeout(preview, TYPING_MS);
});
form.querySelector("[data-preview]").hidden = true;
showChosen(form);
showVaried(form);

// A refused form comes back as a page: its first fault is brought into sight.
const wrong = form.querySelector("[aria-invalid=true]");
if (wrong) {
  for (let more = wrong.closest("details"); more; more = more.parentElement.closest("details")) more.open = true;
  wrong.focus({ preventScroll: true });
  wrong.scrollIntoView({ block: "center" });
}
