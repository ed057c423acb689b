// @ts-check
/** One lease as a row of the table. Pure; the server and the browser render it. */
import { foreign, h, visible } from "./element.js";

/**
 * @import { Lease } from "../../../src/lease/lease.ts"
 * @import { Element } from "./element.js"
 * @import { Texts } from "./english.js"
 * @import { View } from "./facts.js"
 */

/** @typedef {keyof Texts["columns"]} Column */

/**
 * The columns of the table, in their order.
 *
 * @type {readonly Column[]}
 */
export const COLUMNS = ["state", "name", "port", "address", "process", "since", "rule", "mapping", "inspect"];

/** Characters of a command that a row shows; the details have all of it. */
const COMMAND_LENGTH = 120;

/**
 * The row of a lease; each cell has its column as class.
 *
 * @param {Lease} lease
 * @param {View} view
 * @returns {Element}
 */
export function leaseRow(lease, view) {
  const { texts } = view;
  return h(
    "tr",
    { id: rowId(lease.id), role: "row", class: lease.state },
    COLUMNS.map((column) =>
      h("td", { class: column, role: "cell", "data-label": texts.columns[column] }, CELLS[column](lease, view))
    ),
  );
}

/** @param {string} id is that of a lease. */
export function rowId(id) {
  return `lease-${id}`;
}

/**
 * What a lease is called: its name, or its port.
 *
 * @param {Pick<Lease, "name" | "port" | "protocols">} lease
 */
export function titleOf({ name, port, protocols }) {
  return name === null ? `${port}/${protocols.join("+")}` : visible(name);
}

/**
 * A mark whose shape and word say the same as its colour.
 *
 * @param {string} kind
 * @param {string} word
 */
export function mark(kind, word) {
  return h("span", { class: `mark ${kind}` }, word);
}

/** @type {Readonly<Record<Column, (lease: Lease, view: View) => import("./element.js").Child>>} */
const CELLS = {
  state: ({ state }, { texts }) => mark(state, texts.states[state]),
  name: nameOf,
  port: ({ port, protocols }) => [
    h("span", { class: "number" }, port),
    h("span", { class: "protocols" }, ` ${protocols.join("+")}`),
  ],
  address: addressOf,
  process: processOf,
  since({ listener, grantedAt }, { time }) {
    const instant = listener?.since ?? grantedAt;
    return h("time", { datetime: instant }, time(instant));
  },
  rule(lease, { texts, ruleOf }) {
    const state = ruleOf(lease);
    return state === null ? null : mark(`rule-${state}`, texts.rules[state]);
  },
  mapping: (lease, { texts, mappingsOf }) =>
    mappingsOf(lease).map(({ state, external, protocol }) => {
      const where = external === null ? protocol : `${external.address ?? "?"}:${external.port}`;
      return h("span", { class: "mapping" }, mark(`mapping-${state}`, state === "set" ? where : texts.mappings[state]));
    }),
  inspect: (lease, { texts }) =>
    h(
      "button",
      { type: "button", "data-inspect": lease.port, "aria-label": texts.detailsOf(titleOf(lease)) },
      texts.details,
    ),
};

/** @param {Lease} lease @param {View} view */
function nameOf({ name, project, holder }, { texts }) {
  if (name === null) {
    return [h("span", { class: "project" }, foreign(holder.id)), h("span", { class: "unnamed" }, texts.unnamed)];
  }
  if (project === null || !name.startsWith(`${project}/`)) return h("strong", {}, foreign(name));
  return [h("span", { class: "project" }, foreign(project)), h("strong", {}, foreign(name.slice(project.length + 1)))];
}

/** @param {Lease} lease */
function addressOf({ port, protocols }) {
  return protocols.includes("tcp") ? portLink(port) : null;
}

/**
 * The address of a port on this machine.
 *
 * @param {number} port
 */
export function portLink(port) {
  const href = `http://localhost:${port}/`;
  return h("a", { href, target: "_blank", rel: "noreferrer noopener" }, `localhost:${port}`);
}

/** @param {Lease} lease @param {View} view */
function processOf({ state, listener, holder }, { texts }) {
  const who = listener ?? holder;
  const reason = state === "conflict" ? listener?.reason : null;
  return reason ? h("span", { class: "reason", lang: "en" }, foreign(reason)) : processLine(who, texts);
}

/**
 * A process in one line: its command, shortened, and its pid.
 *
 * @param {{ readonly command: string | null, readonly pid: number | null }} process
 * @param {Texts} texts
 * @returns {Element | null} null where neither is known.
 */
export function processLine({ command, pid }, texts) {
  if (command === null && pid === null) return null;
  const short = command === null ? null : shorten(command);
  return h(
    "span",
    { class: "process-line" },
    short === null ? null : h("span", { class: "command" }, foreign(short)),
    pid === null ? null : h("span", { class: "pid" }, ` ${texts.pid} ${pid}`),
  );
}

/** A command without the folder of its program, and no longer than a row takes. @param {string} command */
export function shorten(command) {
  const text = command.replace(/^(?:\/|[a-z]:\\)\S*[\\/](?=\S)/i, "");
  return text.length <= COMMAND_LENGTH ? text : `${text.slice(0, COMMAND_LENGTH)}…`;
}
