// A lesson: the guess and the weights stand in the address; what follows from them the server computes anew.
import { copyLink } from "../shell/copy_link.js";
import { toastError } from "../shell/toasts.js";
import { newest } from "../wire/newest.js";
import { fetchPage, replaceParts } from "./page_parts.js";

const page = document.querySelector("[data-learn]");
const guess = page.querySelector("[data-guess]");
const weights = page.querySelector("[data-weights]");

const renew = newest(
  async () => {
    const asked = location.href;
    try {
      const newer = await fetchPage(asked);
      if (!newer) throw new Error("The service did not answer with the lesson.");
      replaceParts(newer, page);
    } catch (error) {
      toastError(error);
    } finally {
      // What was asked for meanwhile is at work still.
      if (asked === location.href) showWork(guess, "");
    }
  },
  { interval: 0 },
);

/** Between a click and what comes of it: the button waits, and says why. @param {HTMLFormElement} form @param {string} words none: it is done */
function showWork(form, words) {
  const button = form.querySelector("button");
  const isOurs = button.dataset.held === "true" && document.activeElement === document.body;
  button.dataset.held = String(document.activeElement === button || (words !== "" && isOurs));
  button.disabled = words !== "";
  form.setAttribute("aria-busy", String(button.disabled));
  form.querySelector("[role=status]").textContent = words;
  if (isOurs && !button.disabled) button.focus();
}

function go(changes) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) query.set(name, value);
  history.replaceState(null, "", `${location.pathname}?${query}`);
  renew();
}

guess.addEventListener("submit", (event) => {
  event.preventDefault();
  // What is held open is not replaced, and the answer to another guess is another.
  for (const open of page.querySelectorAll("[data-part=reveal] details[open]")) open.open = false;
  showWork(guess, "Computing…");
  go({ guess: new FormData(guess).get("guess") });
});

// The arrow keys go by tenths; what lies between can be typed.
const isUsable = ({ value, validity }) => value !== "" && !validity.rangeUnderflow && !validity.rangeOverflow;

// The comparison that follows shows how far they are; a page that comes back out of the browser's memory waits no more.
page.addEventListener("submit", ({ target }) => {
  if (target.matches("[data-train]")) showWork(target, "Starting the runs…");
});
window.addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  for (const form of page.querySelectorAll("[data-train]")) showWork(form, "");
});

weights?.addEventListener("submit", (event) => event.preventDefault());
weights?.addEventListener("input", (event) => {
  const { weight: letter } = event.target.dataset;
  if (!letter) return go({ activation: event.target.value });
  const inputs = [...weights.querySelectorAll(`[data-weight=${letter}]`)];
  for (const input of inputs) input.setAttribute("aria-invalid", String(!isUsable(input)));
  // What cannot be used goes to the server too: it says why, and shows no other network's numbers.
  return go({ [letter]: inputs.map((input) => input.value).join(",") });
});

page.querySelector("[data-action=copy]").addEventListener("click", () => {
  const alone = new URL(location.href);
  alone.searchParams.set("focus", "on");
  copyLink(alone.href).catch(toastError);
});
