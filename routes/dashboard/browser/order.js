// @ts-check
/** In which order leases stand, and which of them a filter leaves. Pure. */

/**
 * @import { Lease } from "../../../src/lease/lease.ts"
 * @import { Column } from "./lease_row.js"
 */

/**
 * @typedef {Pick<Lease, "id" | "name" | "port" | "state"> & {
 *   readonly holder: { readonly command: string | null },
 *   readonly listener: { readonly command: string | null, readonly since: string | number } | null,
 *   readonly grantedAt: string | number,
 * }} Sortable A lease, also as the daemon keeps it.
 */

/** Columns by which the table can be sorted. @type {readonly Column[]} */
export const SORTABLE = ["name", "port", "state", "process", "since"];

/** @type {Column} */
export const DEFAULT_ORDER = "name";

const STATES = ["conflict", "listening", "idle", "granted"];

/** @type {Readonly<Partial<Record<Column, (lease: Sortable) => string | number>>>} */
const KEYS = {
  name: ({ name }) => name ?? "\uffff",
  port: ({ port }) => port,
  state: ({ state }) => STATES.indexOf(state),
  process: ({ listener, holder }) => (listener ?? holder).command ?? "\uffff",
  since: ({ listener, grantedAt }) => listener?.since ?? grantedAt,
};

/**
 * Compares leases by a column. Those in conflict come first, whatever the order; equal ones by name, port and id.
 *
 * @param {Column} column
 * @param {"ascending" | "descending"} [direction]
 * @returns {(a: Sortable, b: Sortable) => number}
 */
export function orderBy(column, direction = "ascending") {
  const keyOf = KEYS[column] ?? KEYS.name ?? (() => 0);
  const sign = direction === "ascending" ? 1 : -1;
  return (a, b) =>
    Number(b.state === "conflict") - Number(a.state === "conflict") ||
    sign * compare(keyOf(a), keyOf(b)) ||
    compare(a.name ?? "\uffff", b.name ?? "\uffff") || a.port - b.port || compare(a.id, b.id);
}

/** @param {string | number} a @param {string | number} b */
function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Whether a lease has every word of a filter in its name, port, state, command, folder, labels or pid.
 *
 * @param {Lease} lease
 * @param {readonly string[]} words are in lower case.
 * @param {string} state is the word that is shown for the lease's state.
 */
export function matches({ name, port, protocols, state: plain, holder, listener, labels }, words, state) {
  if (words.length === 0) return true;
  const { command, pid, cwd } = listener ?? holder;
  const labelled = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  const text = [name, port, ...protocols, plain, state, command, pid, cwd, holder.id, ...labelled].join("\n")
    .toLowerCase();
  return words.every((word) => text.includes(word));
}

/** The words of a filter. @param {string} text */
export function wordsOf(text) {
  return text.toLowerCase().split(/\s+/).filter((word) => word !== "");
}
