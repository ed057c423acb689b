/** Entering the token, once for each tab. */
import { Refusal } from "./api.js";
import { field, showDialog } from "./dialog.js";
import { h } from "./element.js";

/**
 * Asks for the token, and tries it.
 *
 * @param {object} options
 * @param {import("./api.js").Api} options.api
 * @param {import("./english.js").Texts} options.texts
 * @param {string | null} [options.reason] why it is asked for.
 * @param {string | null} [options.tokenFile] where it can be read.
 * @returns {Promise<boolean>} whether the API has the token now.
 */
export function askToken({ api, texts, reason = null, tokenFile = null }) {
  const { token: words } = texts;
  const dialog = showDialog({
    id: "token-dialog",
    title: words.title,
    closeLabel: texts.close,
    content: h(
      "form",
      { autocomplete: "off" },
      reason === null ? null : h("p", { class: "refusal" }, reason),
      h("p", {}, words.why),
      tokenFile === null ? null : h("p", {}, `${words.where} `, h("code", {}, tokenFile)),
      field(
        words.label,
        h("input", {
          name: "token",
          type: "password",
          autocomplete: "off",
          spellcheck: "false",
          required: true,
          autofocus: true,
        }),
      ),
      h("p", { class: "refusal", role: "alert" }),
      h(
        "div",
        { class: "buttons" },
        h("button", { type: "submit", class: "primary" }, words.use),
        h("button", { type: "button", "data-close": "" }, texts.cancel),
      ),
    ),
  });
  const form = /** @type {HTMLFormElement} */ (dialog.querySelector("form"));
  const input = /** @type {HTMLInputElement} */ (form.elements.namedItem("token"));
  const alert = /** @type {HTMLElement} */ (form.querySelector("[role=alert]"));
  return new Promise((resolve) => {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      alert.textContent = "";
      try {
        await tryToken(api, input.value.trim());
        dialog.close("entered");
      } catch (error) {
        alert.textContent = error instanceof Refusal && error.wantsToken
          ? words.wrong
          : error instanceof Refusal
          ? error.message
          : texts.actions.failed;
        input.select();
      }
    });
    dialog.addEventListener("close", () => {
      input.value = "";
      resolve(dialog.returnValue === "entered");
    });
  });
}

/** @param {import("./api.js").Api} api @param {string} token */
async function tryToken(api, token) {
  // A header cannot hold other characters, and no token has them.
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Refusal({ code: "unauthorized" }, 401);
  api.useToken(token);
  try {
    await api.call("GET", "/v1/status");
  } catch (error) {
    api.useToken(null);
    throw error;
  }
}
