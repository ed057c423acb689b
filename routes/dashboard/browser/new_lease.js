/** The form that leases a port. */
import { field, showDialog } from "./dialog.js";
import { h } from "./element.js";

/** @import { LeaseRequest } from "../../../src/client/wire.ts" */

const MINUTE_MS = 60_000;

/**
 * @param {object} options
 * @param {import("./english.js").Texts} options.texts
 * @param {number | null} options.port is filled in.
 * @param {(request: LeaseRequest) => Promise<string | null>} options.lease answers null, or why it was refused.
 */
export function showLeaseForm({ texts, port, lease }) {
  const { form: words } = texts;
  const dialog = showDialog({
    id: "lease-dialog",
    title: texts.newLease,
    closeLabel: texts.close,
    content: h(
      "form",
      { autocomplete: "off" },
      field(
        words.name,
        h("input", { name: "name", autofocus: true, placeholder: words.nameHint, maxlength: 64, spellcheck: "false" }),
      ),
      field(
        words.project,
        h("input", { name: "project", placeholder: words.projectHint, maxlength: 200, spellcheck: "false" }),
      ),
      field(
        words.port,
        h("input", { name: "port", type: "number", min: 1, max: 65535, placeholder: words.portHint, value: port }),
      ),
      field(
        words.protocols,
        h(
          "select",
          { name: "protocols" },
          h("option", { value: "tcp" }, "TCP"),
          h("option", { value: "udp" }, "UDP"),
          h("option", { value: "tcp,udp" }, words.both),
        ),
      ),
      field(
        words.lifetime,
        h(
          "select",
          { name: "lifetime" },
          h("option", { value: "listener" }, words.listener),
          h("option", { value: "ttl" }, words.ttl),
          h("option", { value: "pinned" }, words.pinned),
        ),
      ),
      field(words.minutes, h("input", { name: "minutes", type: "number", min: 1, max: 525600, value: 60 })),
      h("p", { class: "refusal", role: "alert" }),
      h(
        "div",
        { class: "buttons" },
        h("button", { type: "submit", class: "primary" }, words.submit),
        h("button", { type: "button", "data-close": "" }, texts.cancel),
      ),
    ),
  });
  const form = /** @type {HTMLFormElement} */ (dialog.querySelector("form"));
  const alert = /** @type {HTMLElement} */ (form.querySelector("[role=alert]"));
  const showMinutes = () => {
    const minutes = /** @type {HTMLInputElement} */ (form.elements.namedItem("minutes"));
    const isTtl = new FormData(form).get("lifetime") === "ttl";
    minutes.disabled = !isTtl;
    /** @type {HTMLElement} */ (minutes.closest("label")).hidden = !isTtl;
  };
  showMinutes();
  form.addEventListener("change", showMinutes);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    alert.textContent = "";
    const refusal = await lease(requestOf(new FormData(form)));
    if (refusal === null) dialog.close();
    else alert.textContent = refusal;
  });
}

/** @param {FormData} data @returns {LeaseRequest} */
function requestOf(data) {
  const text = (/** @type {string} */ name) => String(data.get(name) ?? "").trim();
  const name = text("name"), project = text("project"), port = text("port"), lifetime = text("lifetime");
  return {
    protocols: /** @type {("tcp" | "udp")[]} */ (text("protocols").split(",")),
    ...(name === "" ? {} : { name }),
    ...(project === "" ? {} : { project }),
    ...(port === "" ? {} : { port: Number(port) }),
    ...(lifetime === "ttl" ? { ttlMs: Number(text("minutes")) * MINUTE_MS } : {}),
    ...(lifetime === "pinned" ? { lifetime: { kind: "pinned" } } : {}),
  };
}
