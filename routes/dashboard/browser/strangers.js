// @ts-check
/** The listeners without a lease, as a table that is closed at first when it is long. Pure. */
import { foreign, h } from "./element.js";
import { mark, processLine } from "./lease_row.js";

/**
 * @import { Stranger, Strangers } from "../data.ts"
 * @import { Element } from "./element.js"
 * @import { Texts } from "./english.js"
 */

/** Up to here the table is open at first. */
const SHORT = 12;

/**
 * @param {Strangers} strangers
 * @param {Texts} texts
 * @returns {Element}
 */
export function strangersSection({ listeners, total }, texts) {
  const heads = [texts.columns.port, texts.columns.process, texts.user, texts.addresses, texts.details];
  return h(
    "section",
    { id: "strangers", "aria-labelledby": "strangers-title" },
    h("h2", { id: "strangers-title" }, texts.strangers),
    total === 0 ? h("p", {}, texts.noStrangers) : h(
      "details",
      { open: total <= SHORT },
      h("summary", {}, texts.strangersCount(total)),
      h(
        "table",
        { role: "table", class: "strangers", "aria-labelledby": "strangers-title" },
        h(
          "thead",
          { role: "rowgroup" },
          h("tr", { role: "row" }, heads.map((head) => h("th", { scope: "col", role: "columnheader" }, head))),
        ),
        h("tbody", { role: "rowgroup" }, listeners.map((stranger) => row(stranger, texts))),
      ),
      total > listeners.length ? h("p", {}, texts.andMore(total - listeners.length)) : null,
    ),
  );
}

/** @param {Stranger} stranger @param {Texts} texts */
function row({ port, protocol, addresses, command, pid, user, pooled, name }, texts) {
  const inTheWay = pooled || name !== null;
  /** @param {string} column @param {string} label @param {import("./element.js").Child} content */
  const cell = (column, label, content) => h("td", { class: column, role: "cell", "data-label": label }, content);
  return h(
    "tr",
    { role: "row", class: inTheWay && "warning" },
    cell("port", texts.columns.port, [
      inTheWay ? mark("warning", "") : null,
      h("span", { class: "number" }, port),
      h("span", { class: "protocols" }, ` ${protocol}`),
    ]),
    cell("process", texts.columns.process, processLine({ command, pid }, texts) ?? texts.unknownProcess),
    cell("user", texts.user, user === null ? null : foreign(user)),
    cell("addresses", texts.addresses, addresses.join(", ")),
    cell(
      "inspect",
      texts.details,
      h(
        "button",
        { type: "button", "data-inspect": port, "aria-label": texts.detailsOf(`${port}/${protocol}`) },
        texts.details,
      ),
    ),
  );
}
