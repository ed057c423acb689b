/** Dialogs of the page: `<dialog>` elements that are made when they are needed. Escape and a button close them. */
import { toNode } from "./dom.js";
import { h } from "./element.js";

/** @import { Child } from "./element.js" */

/**
 * Shows a dialog above the page. The browser gives the focus back to where it was when it is closed.
 *
 * @param {object} options
 * @param {string} options.id
 * @param {Child} options.title
 * @param {Child} options.content
 * @param {string} options.closeLabel
 * @returns {HTMLDialogElement}
 */
export function showDialog({ id, title, content, closeLabel }) {
  const titleId = `${id}-title`;
  const dialog = /** @type {HTMLDialogElement} */ (toNode(h(
    "dialog",
    { id, "aria-labelledby": titleId },
    h(
      "div",
      { class: "bar" },
      h("h2", { id: titleId }, title),
      h("button", { type: "button", class: "close", "aria-label": closeLabel, "data-close": "" }, "✕"),
    ),
    content,
  )));
  dialog.addEventListener("click", ({ target }) => {
    const isOutside = target === dialog;
    if (isOutside || /** @type {Element} */ (target).closest("[data-close]") !== null) dialog.close();
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/**
 * A labelled field.
 *
 * @param {string} label
 * @param {import("./element.js").Element} input
 */
export function field(label, input) {
  return h("label", { class: "field" }, h("span", {}, label), input);
}
