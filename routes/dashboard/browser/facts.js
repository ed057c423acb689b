// @ts-check
/** What the rows need of the overview, found at once: the rule and the mappings of a lease. */

/**
 * @import { Lease } from "../../../src/lease/lease.ts"
 * @import { Mapping } from "../../../src/gateway/mapping.ts"
 * @import { RuleState } from "../../../src/firewall/plan.ts"
 * @import { Overview } from "../data.ts"
 * @import { Texts } from "./english.js"
 */

/**
 * @typedef {object} View What every view is given.
 * @property {Texts} texts
 * @property {(instant: string) => string} time How an instant is shown; the server has UTC, the browser its own time.
 * @property {(lease: Lease) => RuleState | null} ruleOf How the rules of a lease stand; null where it wants none.
 * @property {(lease: Lease) => readonly Mapping[]} mappingsOf
 */

/**
 * From the best to the worst.
 *
 * @type {readonly RuleState[]}
 */
const RULE_STATES = ["set", "not_needed", "unknown", "missing", "failed"];

/**
 * @param {Texts} texts
 * @param {View["time"]} time
 * @param {Overview | null} overview is null before it is known.
 * @returns {View}
 */
export function makeView(texts, time, overview) {
  /** @type {Map<string, RuleState>} */
  const rules = new Map();
  for (const { protocol, port, state } of overview?.firewall.rules ?? []) rules.set(`${protocol} ${port}`, state);
  const mappings = Map.groupBy(overview?.gateway.mappings ?? [], ({ leaseId }) => leaseId);
  return {
    texts,
    time,
    ruleOf({ exposure, protocols, port }) {
      if (exposure === null) return null;
      const states = protocols.map((protocol) => rules.get(`${protocol} ${port}`) ?? "not_needed");
      return states.reduce((worst, state) => RULE_STATES.indexOf(state) > RULE_STATES.indexOf(worst) ? state : worst);
    },
    mappingsOf: ({ id }) => mappings.get(id) ?? [],
  };
}

/**
 * UTC, to the minute: what the server knows to say.
 *
 * @param {string} instant
 */
export function utcText(instant) {
  return `${instant.slice(0, 16).replace("T", " ")} UTC`;
}
