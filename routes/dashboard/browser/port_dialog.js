/** The dialog about one port: it looks again when something happens to the port, and acts on its leases. */
import { Refusal } from "./api.js";
import { showDialog } from "./dialog.js";
import { byId, put } from "./dom.js";
import { h } from "./element.js";
import { portView } from "./port_view.js";

/**
 * @import { Lease } from "../../../src/lease/lease.ts"
 * @import { PortState } from "./port_view.js"
 */

/**
 * @typedef {object} PortDialogParts
 * @property {import("./english.js").Texts} texts
 * @property {(instant: string) => string} time
 * @property {import("./credentials.js").Credentials} credentials
 * @property {import("./api.js").Api} api
 * @property {(text: string) => void} announce
 * @property {(port: number) => void} take opens the form that leases a port.
 */

/** How a verdict is shown. */
const KINDS = /** @type {const} */ ({ open: "success", closed: "refusal", unproven: "note" });
/** Events of one port are looked at together. */
const LOOK_MS = 300;

export class PortDialog {
  #parts;
  #port = 0;
  /** @type {PortState | null} */
  #state = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {PortDialogParts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** Shows a port; the promise ends when it is shown. @param {number} port */
  async open(port) {
    const { texts } = this.#parts;
    document.getElementById("port-dialog")?.remove();
    this.#port = port;
    this.#state = null;
    const dialog = showDialog({
      id: "port-dialog",
      title: texts.port.title(port),
      closeLabel: texts.close,
      content: h("div", { id: "port-content" }, h("p", { role: "status" }, texts.port.loading)),
    });
    dialog.addEventListener("click", ({ target }) => {
      const button = /** @type {HTMLElement} */ (target).closest("[data-do]");
      if (button instanceof HTMLElement) this.#press(button.dataset.do ?? "", button.dataset.lease ?? "");
    });
    dialog.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit(/** @type {HTMLFormElement} */ (event.target));
    });
    dialog.addEventListener("close", () => {
      if (this.#port === port) this.#port = 0;
    });
    await this.#look();
  }

  /** Looks again soon, if it is this port that is shown. @param {number} port */
  touch(port) {
    if (port !== this.#port || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#state?.asking === null) this.#look();
    }, LOOK_MS);
  }

  async #look() {
    const port = this.#port;
    if (port === 0) return;
    try {
      const description = await this.#parts.credentials.call("GET", `/v1/ports/${port}`);
      if (port === this.#port) this.#show({ port: description });
    } catch (error) {
      if (port === this.#port) byId("port-content").textContent = this.#textOf(error);
    }
  }

  /** @param {Partial<PortState>} changes */
  #show(changes) {
    const before = this.#state ?? { asking: null, result: null, report: null };
    const state = /** @type {PortState} */ ({ ...before, ...changes });
    this.#state = state;
    if (document.getElementById("port-content") !== null) put(portView(state, this.#parts));
  }

  /** @param {string} action @param {string} leaseId */
  #press(action, leaseId) {
    const lease = this.#state?.port.leases.find(({ id }) => id === leaseId);
    if (action === "cancel") return this.#show({ asking: null });
    if (action === "take") return this.#take();
    if (lease === undefined) return;
    if (action === "close") return this.#act(lease, "DELETE", `/v1/leases/${lease.id}/exposure`, "closed");
    if (action === "check") return this.#check(lease);
    if (action === "release" && lease.state !== "listening") return this.#release(lease);
    this.#show({ asking: { step: /** @type {import("./port_view.js").Step} */ (action), lease }, result: null });
    /** @type {HTMLElement | null} */ (byId("port-content").querySelector("form input, form button"))?.focus();
  }

  #take() {
    const port = this.#port;
    /** @type {HTMLDialogElement} */ (byId("port-dialog")).close();
    this.#parts.take(port);
  }

  /** @param {HTMLFormElement} form */
  #submit(form) {
    const asking = this.#state?.asking;
    if (!asking) return;
    const { step, lease } = asking;
    if (step === "release") return this.#release(lease);
    if (step === "free") return this.#free(lease);
    const remote = String(new FormData(form).get("remote"));
    const exposure = {
      firewall: { remote: [remote === "internet" ? "any" : remote] },
      ...(remote === "internet" ? { gateway: {} } : {}),
    };
    return this.#act(lease, "PUT", `/v1/leases/${lease.id}/exposure`, "opened", exposure);
  }

  /** @param {Lease} lease */
  #release(lease) {
    return this.#act(lease, "DELETE", `/v1/leases/${lease.id}`, "released");
  }

  /** The processes that were shown are named, so that no other one is ended. @param {Lease} lease */
  #free(lease) {
    const sockets = this.#state?.port.listeners.filter(({ ofHolder }) => ofHolder === true) ?? [];
    const processes = sockets.map(({ pid, startTime, bootId }) => ({ pid, startTime, bootId }));
    return this.#act(lease, "POST", `/v1/leases/${lease.id}/free`, "freed", { processes });
  }

  /** @param {Lease} lease */
  async #check({ port, protocols }) {
    const { texts, api } = this.#parts;
    this.#show({ result: { kind: "note", text: texts.actions.working }, report: null });
    try {
      const body = { protocol: protocols[0], ...(api.hasToken ? { asks: true } : {}) };
      const report =
        /** @type {import("../../../src/reach/reach.ts").ReachReport} */ (await this.#parts.credentials.call(
          "POST",
          `/v1/ports/${port}/check`,
          body,
        ));
      this.#show({ report, result: { kind: KINDS[report.verdict], text: texts.checkVerdicts[report.verdict] } });
    } catch (error) {
      this.#show({ result: { kind: "refusal", text: this.#textOf(error) } });
    }
  }

  /**
   * @param {Lease} lease
   * @param {string} method
   * @param {string} path
   * @param {"released" | "opened" | "closed" | "freed"} done
   * @param {unknown} [body]
   */
  async #act(lease, method, path, done, body) {
    const { texts, announce, credentials } = this.#parts;
    this.#show({ asking: null, result: { kind: "note", text: texts.actions.working } });
    try {
      if (done === "released") await credentials.call(method, path, body);
      else await credentials.callAsOwner(method, path, body);
      announce(`${lease.name ?? lease.port}: ${texts.actions[done]}`);
      this.#show({ result: { kind: "success", text: texts.actions[done] } });
    } catch (error) {
      this.#show({ result: { kind: "refusal", text: this.#textOf(error) } });
    }
    await this.#look();
  }

  /** @param {unknown} error */
  #textOf(error) {
    return error instanceof Refusal ? error.message : this.#parts.texts.actions.failed;
  }
}
