// @ts-check
/** What others can reach: firewall, router and line. Pure. */
import { foreign, h } from "./element.js";

/**
 * @import { Overview } from "../data.ts"
 * @import { Child, Element } from "./element.js"
 * @import { Texts } from "./english.js"
 */

const IN_ORDER = new Set(["set", "not_needed"]);

/**
 * @param {Overview} overview
 * @param {Texts} texts
 * @returns {Element}
 */
export function networkSection({ firewall, gateway, line }, texts) {
  const { rules, backend } = firewall;
  const inOrder = rules.filter(({ state }) => IN_ORDER.has(state)).length;
  const side = gateway.ipv4 ?? gateway.ipv6;
  const outside = line.externalAddress ?? gateway.ipv4?.externalAddress ?? null;
  return h(
    "section",
    { id: "network", "aria-labelledby": "network-title" },
    h("h2", { id: "network-title" }, texts.network),
    h(
      "div",
      { class: "facts" },
      fact(
        texts.firewall,
        rules.length === 0 ? texts.noFirewall : [texts.rulesSet(inOrder, rules.length), backend && ` (${backend})`],
      ),
      fact(
        texts.router,
        side === null ? texts.noRouter : [
          side.name === null ? null : [foreign(side.name), " "],
          `${side.address}, ${side.protocol}`,
          gateway.mappings.length === 0 ? null : `, ${texts.mapped(gateway.mappings.length)}`,
        ],
      ),
      fact(texts.line, [
        texts.verdicts[line.verdict],
        line.verdict === "unknown" ? h("span", { class: "hint" }, ` ${texts.lineHint}`) : null,
      ]),
      outside === null ? null : fact(texts.outside, foreign(outside)),
    ),
  );
}

/** @param {string} name @param {Child} value */
function fact(name, value) {
  return h("dl", {}, h("dt", {}, name), h("dd", {}, value));
}
