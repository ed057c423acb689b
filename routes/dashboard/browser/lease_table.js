/**
 * The rows of the table of leases. What changes is put down at once and shown with the next frames, a few milliseconds
 * of each: a thousand events a second stop nobody from scrolling.
 */
import { byId, toNode, toNodes } from "./dom.js";
import { leaseRow, rowId } from "./lease_row.js";
import { DEFAULT_ORDER, matches, orderBy, wordsOf } from "./order.js";

/**
 * @import { Lease } from "../../../src/lease/lease.ts"
 * @import { View } from "./facts.js"
 * @import { Column } from "./lease_row.js"
 */

/** How much of a frame rows may take, in milliseconds. */
const SHARE_MS = 8;

/** @typedef {{ readonly node: HTMLElement, cells: readonly string[], className: string }} Row */

export class LeaseTable {
  /** @type {Map<string, Lease>} */
  #leases = new Map();
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** Ids of leases whose rows are not as they should be. @type {Set<string>} */
  #stale = new Set();
  #isOrdered = true;
  #isAsked = false;
  /** @type {readonly string[]} */
  #words = [];
  #order = orderBy(DEFAULT_ORDER);
  #body = /** @type {HTMLElement} */ (byId("lease-table").querySelector("tbody"));
  /** @type {View} */
  #view;
  #onShown;

  /** @param {View} view @param {() => void} onShown is called after each frame in which rows have changed. */
  constructor(view, onShown) {
    this.#view = view;
    this.#onShown = onShown;
    for (const node of /** @type {HTMLElement[]} */ ([...this.#body.children])) {
      this.#rows.set(node.id.slice(rowId("").length), { node, cells: [], className: node.className });
    }
  }

  /** The leases, in no order. */
  get leases() {
    return this.#leases;
  }

  /** How many rows the filter leaves. */
  get matching() {
    return [...this.#leases.values()].filter((lease) => this.#isWanted(lease)).length;
  }

  get isFiltered() {
    return this.#words.length > 0;
  }

  /** @param {Lease} lease is new, or has changed. */
  set(lease) {
    this.#leases.set(lease.id, lease);
    this.#touch(lease.id);
  }

  /** @param {string} id is that of a lease that has ended. */
  delete(id) {
    this.#leases.delete(id);
    if (this.#rows.has(id)) this.#touch(id);
    else this.#stale.delete(id);
  }

  /** Sets all of them; the others have ended. @param {ReadonlyMap<string, Lease>} leases */
  replace(leases) {
    for (const id of [...this.#leases.keys(), ...this.#rows.keys()]) if (!leases.has(id)) this.delete(id);
    for (const lease of [...leases.values()].sort(this.#order)) this.set(lease);
  }

  /** @param {View} view has other rules or mappings than before. */
  look(view) {
    const before = this.#view;
    this.#view = view;
    for (const lease of this.#leases.values()) {
      const isTouched = lease.exposure !== null || before.mappingsOf(lease).length + view.mappingsOf(lease).length > 0;
      if (isTouched) this.#touch(lease.id);
    }
  }

  /** @param {string} text */
  filter(text) {
    this.#words = wordsOf(text);
    for (const [id, { node }] of this.#rows) {
      const lease = this.#leases.get(id);
      if (lease !== undefined) node.hidden = !this.#isWanted(lease);
    }
    this.#onShown();
  }

  /** @param {Column} column @param {"ascending" | "descending"} direction */
  sort(column, direction) {
    this.#order = orderBy(column, direction);
    this.#isOrdered = false;
    this.#ask();
  }

  /** @param {Lease} lease */
  #isWanted(lease) {
    return matches(lease, this.#words, this.#view.texts.states[lease.state]);
  }

  /** @param {string} id */
  #touch(id) {
    this.#stale.add(id);
    this.#ask();
  }

  #ask() {
    if (this.#isAsked) return;
    this.#isAsked = true;
    requestAnimationFrame(() => {
      this.#isAsked = false;
      this.#show();
      this.#onShown();
    });
  }

  #show() {
    const end = performance.now() + SHARE_MS;
    for (const id of this.#stale) {
      this.#stale.delete(id);
      this.#showOne(id);
      if (performance.now() < end) continue;
      if (this.#stale.size > 0) this.#ask();
      break;
    }
    if (!this.#isOrdered) this.#arrange();
  }

  /** @param {string} id */
  #showOne(id) {
    const lease = this.#leases.get(id), row = this.#rows.get(id);
    if (lease === undefined) {
      row?.node.remove();
      this.#rows.delete(id);
      return;
    }
    const description = leaseRow(lease, this.#view);
    const cells = /** @type {import("./element.js").Element[]} */ (description.children[0]);
    const texts = cells.map((cell) => JSON.stringify(cell.children));
    if (row === undefined) {
      const node = toNode(description);
      node.hidden = !this.#isWanted(lease);
      this.#rows.set(id, { node, cells: texts, className: lease.state });
      this.#isOrdered = false;
      return;
    }
    for (const [i, text] of texts.entries()) {
      if (row.cells[i] !== text) {
        replaceCell(/** @type {HTMLElement} */ (row.node.children[i]), cells[i]?.children ?? []);
      }
    }
    if (row.className !== lease.state || row.cells.length === 0) this.#isOrdered = false;
    row.node.className = row.className = lease.state;
    row.cells = texts;
    row.node.hidden = !this.#isWanted(lease);
  }

  /** Puts the rows in their order, moving as few as is simple; what has the focus keeps it. */
  #arrange() {
    this.#isOrdered = true;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement);
    let next = this.#body.firstChild;
    for (const { id } of [...this.#leases.values()].sort(this.#order)) {
      const node = this.#rows.get(id)?.node;
      if (node === undefined) continue;
      if (node === next) next = next.nextSibling;
      else this.#body.insertBefore(node, next);
    }
    if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
  }
}

/** @param {HTMLElement} cell @param {readonly import("./element.js").Child[]} children */
function replaceCell(cell, children) {
  const hadFocus = cell.contains(document.activeElement);
  cell.replaceChildren(...children.flatMap((child) => toNodes(child)));
  if (hadFocus) /** @type {HTMLElement | null} */ (cell.querySelector("a, button"))?.focus({ preventScroll: true });
}
