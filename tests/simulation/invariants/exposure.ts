/** Who may open a port to the outside, and to whom. */
import type { LeaseRecord } from "../../../src/lease/record.ts";
import type { Field } from "../operation.ts";
import type { World } from "../world.ts";
import { firstOf, type Invariant } from "./invariant.ts";

export const EXPOSURE: Invariant = {
  name: "exposure",
  promise: "Without the token no port is opened, and no open port gets another holder or a longer life",
  step(world) {
    return firstOf(world.change.answered, (operation) => {
      const isExposing = operation.plan.path.endsWith("/exposure") || (operation.plan.grant?.exposure ?? null) !== null;
      return isExposing && operation.state === "done" && operation.plan.hasToken !== true
        ? `${operation} was done without the token`
        : undefined;
    }) ?? firstOf(world.run.records(), (record) => widened(record, world));
  },
};

export const RULES: Invariant = {
  name: "rules",
  promise: "The firewall lets in what live leases expose, and nothing else",
  rest({ kernel: { firewall }, run, disk }) {
    if (disk.failedSyncs > 0) return undefined; // then the lease's end is unknown, and a timer syncs the firewall later
    return firstOf(firewall.rules, ({ rule }) => {
      if (rule === undefined) return undefined;
      const record = run.byPort(rule.port, rule.protocol);
      return record === undefined || record.exposure === null
        ? `the firewall lets in ${rule.protocol}:${rule.port}, which no lease exposes`
        : undefined;
    });
  },
};

function widened(record: LeaseRecord, { before, book, change }: World): string | undefined {
  if (change.isRestarted) return undefined; // a crash may undo what was not acknowledged
  if (change.answered.some(({ code }) => code === "store_unavailable")) return undefined; // so may a failed write
  const earlier = before.get(record.id);
  if (earlier === undefined || earlier === record || earlier.exposure === null || record.exposure === null) return;
  const [was, is] = [book.valuesOf(earlier), book.valuesOf(record)];
  const known = book.leases.get(record.id)!;
  return firstOf(["lifetime", "pid"] as const satisfies readonly Field[], (field) => {
    if (was[field] === is[field]) return undefined;
    const isAllowed = known.writers.some(({ plan }) =>
      plan.hasToken && plan.writes?.get(field)?.values.includes(is[field])
    );
    return isAllowed
      ? undefined
      : `lease ${record.id} on port ${record.port} is exposed, and without the token its ${field} became ${is[field]}`;
  });
}
