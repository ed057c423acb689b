// @ts-check
/** One lease as a row of the table. Pure; the server and the browser render it. */
import { foreign, h } from "./element.js";

/**
 * @import { Lease } from "../../../src/lease/lease.ts"
 * @import { Element } from "./element.js"
 * @import { Texts } from "./texts.js"
 */

/**
 * The columns of the table, in their order.
 *
 * @type {readonly (keyof Texts["columns"])[]}
 */
export const COLUMNS = ["state", "name", "port", "address", "process", "since"];

/**
 * The row of a lease. Its cells have their column as class.
 *
 * @param {Lease} lease
 * @param {Texts} texts
 * @returns {Element}
 */
export function leaseRow(lease, texts) {
  const cells = {
    state: h("span", { class: `state ${lease.state}` }, texts.states[lease.state]),
    name: nameOf(lease, texts),
    port: [h("span", { class: "number" }, lease.port), h("span", { class: "protocols" }, lease.protocols.join("+"))],
    address: addressOf(lease),
    process: processOf(lease),
    since: time(lease.listener?.since ?? lease.grantedAt),
  };
  return h(
    "tr",
    { id: `lease-${lease.id}`, role: "row", class: lease.state },
    ...COLUMNS.map((column) =>
      h("td", { class: column, role: "cell", "data-label": texts.columns[column] }, cells[column])
    ),
  );
}

/**
 * An instant, in UTC until the browser has put its own time there.
 *
 * @param {string} instant
 */
export function time(instant) {
  return h("time", { datetime: instant }, `${instant.slice(0, 16).replace("T", " ")} UTC`);
}

/** @param {Lease} lease @param {Texts} texts */
function nameOf({ name, project }, texts) {
  if (name === null) return h("span", { class: "unnamed" }, texts.unnamed);
  if (project === null || !name.startsWith(`${project}/`)) return h("strong", {}, foreign(name));
  return [h("span", { class: "project" }, foreign(project)), h("strong", {}, foreign(name.slice(project.length + 1)))];
}

/** @param {Lease} lease */
function addressOf({ port, protocols }) {
  if (!protocols.includes("tcp")) return null;
  const href = `http://localhost:${port}/`;
  return h("a", { href, target: "_blank", rel: "noreferrer noopener" }, `localhost:${port}`);
}

/** @param {Lease} lease */
function processOf({ listener, holder }) {
  const { command, pid } = listener ?? holder;
  return [
    command === null ? null : h("span", { class: "command" }, foreign(command)),
    pid === null ? null : h("span", { class: "pid" }, pid),
  ];
}
