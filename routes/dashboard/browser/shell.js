// @ts-check
/** The table of leases without its rows, and what stands around it. Pure. */
import { h } from "./element.js";
import { COLUMNS } from "./lease_row.js";
import { DEFAULT_ORDER, SORTABLE } from "./order.js";

/**
 * @import { Element } from "./element.js"
 * @import { Texts } from "./english.js"
 */

/**
 * @param {readonly Element[]} rows
 * @param {{ readonly total: number }} leases
 * @param {Texts} texts
 * @returns {Element}
 */
export function leasesSection(rows, { total }, texts) {
  const more = total - rows.length;
  return h(
    "section",
    { id: "leases", "aria-labelledby": "leases-title" },
    h(
      "div",
      { class: "bar" },
      h("h2", { id: "leases-title" }, texts.leases),
      h("div", { class: "tools scripted" }, filterField(texts), sortField(texts), newLeaseButton(texts)),
    ),
    h(
      "div",
      { id: "no-leases", class: "empty", hidden: total > 0 },
      h("p", {}, texts.noLeases),
      h("pre", {}, h("code", {}, "portd lease web")),
    ),
    h("p", { id: "no-match", class: "empty", hidden: true }, texts.noMatch),
    h(
      "table",
      { id: "lease-table", role: "table", "aria-labelledby": "leases-title", hidden: total === 0 },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, COLUMNS.map((column) => head(column, texts)))),
      h("tbody", { role: "rowgroup" }, rows),
    ),
    more > 0 ? h("p", { class: "unscripted" }, texts.moreRows(more)) : null,
    h("button", { id: "more-rows", type: "button", class: "scripted", hidden: more === 0 }, texts.showMore(more)),
  );
}

/** @param {Texts} texts */
function filterField(texts) {
  return h(
    "label",
    { class: "filter" },
    h("span", {}, texts.filter),
    h("input", {
      id: "filter",
      type: "search",
      placeholder: texts.filterHint,
      autocomplete: "off",
      spellcheck: "false",
    }),
  );
}

/** For narrow screens, which have no heads to click. @param {Texts} texts */
function sortField(texts) {
  return h(
    "label",
    { class: "sort" },
    h("span", {}, texts.sortBy),
    h(
      "select",
      { id: "sort" },
      SORTABLE.map((column) =>
        h("option", { value: column, selected: column === DEFAULT_ORDER }, texts.columns[column])
      ),
    ),
  );
}

/** @param {Texts} texts */
function newLeaseButton(texts) {
  return h("button", { id: "new-lease", type: "button", class: "primary" }, texts.newLease);
}

/** @param {typeof COLUMNS[number]} column @param {Texts} texts */
function head(column, texts) {
  const name = texts.columns[column];
  const attributes = { class: column, scope: "col", role: "columnheader" };
  if (!SORTABLE.includes(column)) return h("th", attributes, h("span", {}, name));
  return h(
    "th",
    { ...attributes, "data-sort": column, "aria-sort": column === DEFAULT_ORDER ? "ascending" : "none" },
    h("button", { type: "button" }, name),
  );
}
