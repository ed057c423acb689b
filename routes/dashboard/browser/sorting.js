/** Sorting the table of leases: by its heads, and by a list where there is no room for them. */
import { byId } from "./dom.js";
import { DEFAULT_ORDER } from "./order.js";

/** @import { Column } from "./lease_row.js" */

/** @param {import("./lease_table.js").LeaseTable} table */
export function listenToSort(table) {
  const select = /** @type {HTMLSelectElement} */ (byId("sort"));
  const heads = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("th[data-sort]")]);
  let column = /** @type {Column} */ (DEFAULT_ORDER);
  let direction = /** @type {"ascending" | "descending"} */ ("ascending");
  const apply = () => {
    for (const head of heads) head.setAttribute("aria-sort", head.dataset.sort === column ? direction : "none");
    select.value = column;
    table.sort(column, direction);
  };
  for (const head of heads) {
    head.addEventListener("click", () => {
      const isSame = head.dataset.sort === column;
      direction = isSame && direction === "ascending" ? "descending" : "ascending";
      column = /** @type {typeof column} */ (head.dataset.sort);
      apply();
    });
  }
  select.addEventListener("change", () => {
    column = /** @type {typeof column} */ (select.value);
    direction = "ascending";
    apply();
  });
}
