/** The firewall rules that live leases want. Pure. */
import { makeRule, type Rule } from "../firewall/rule.ts";
import type { LeaseRecord } from "./record.ts";

/** Networks that only this machine itself is in. */
const LOOPBACK = /^(?:127\.|::1(?:\/128)?$)/;

/** The pids of the processes that listen on exposed leases. */
export function exposedListeners(leases: Iterable<LeaseRecord>): readonly number[] {
  const pids = [...leases].flatMap(({ exposure, listener }) => exposure === null ? [] : listener?.pid ?? []);
  return [...new Set(pids)];
}

/** The rules of every exposure, one for each protocol. An exposure to this machine itself needs none. */
export function wantedRules(leases: Iterable<LeaseRecord>): readonly Rule[] {
  const rules: Rule[] = [];
  for (const { id, name, port, protocols, exposure } of leases) {
    if (exposure === null || exposure.firewall.remote.every((remote) => LOOPBACK.test(remote))) continue;
    for (const protocol of protocols) rules.push(makeRule({ protocol, port, ...exposure.firewall }, name ?? id));
  }
  return rules;
}
