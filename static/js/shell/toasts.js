// Short messages about what was just done, bottom right; one with an action waits longer.

const PLAIN_MS = 5000;
const ACTION_MS = 10000;

/**
 * @param {string} text
 * @param {{danger?: boolean, action?: string, onAction?: () => void, onEnd?: () => void}} [options] onEnd: it is gone, and the action was not taken
 * @returns {() => void} takes the message away
 */
export function toast(text, { danger = false, action, onAction, onEnd = () => {} } = {}) {
  const box = document.createElement("div");
  box.className = danger ? "toast toast--danger" : "toast";
  const words = document.createElement("span");
  words.className = "toast-text";
  words.textContent = text;
  box.append(words);
  let isOpen = true;
  const leave = () => {
    const wasOpen = isOpen;
    isOpen = false;
    box.remove();
    return wasOpen;
  };
  const close = () => {
    if (leave()) onEnd();
  };
  if (action && onAction) {
    box.append(
      button(action, () => {
        leave();
        onAction();
      }),
    );
  }
  const dismiss = button("✕", close);
  dismiss.classList.add("button--icon");
  dismiss.setAttribute("aria-label", "Dismiss");
  box.append(dismiss);
  document.querySelector("[data-shell=toasts]").append(box);
  setTimeout(close, action ? ACTION_MS : PLAIN_MS);
  return close;
}

/** What to say of a failed call: an ApiError's title and detail, or the message. @param {any} error */
export function errorText(error) {
  const detail = error?.detail ?? error?.problem?.detail;
  const title = error?.title ?? error?.problem?.title;
  if (title && detail && title !== detail) return `${title}: ${detail}`;
  return detail ?? title ?? error?.message ?? String(error);
}

/** @param {any} error */
export function toastError(error) {
  return toast(errorText(error), { danger: true });
}

function button(text, run) {
  const element = document.createElement("button");
  element.type = "button";
  element.className = "button button--quiet";
  element.textContent = text;
  element.addEventListener("click", run);
  return element;
}
