/** Answers: they fit the request, they come, and none is an error of portd. */
import type { Operation } from "../operation.ts";
import type { Settings } from "../settings.ts";
import { firstOf, type Invariant } from "./invariant.ts";

export const ANSWERS: Invariant = {
  name: "answers",
  promise: "A grant is what was asked for",
  step: ({ change, settings }) =>
    firstOf(change.answered, (operation) => {
      const { plan, leases, state, number, family } = operation;
      if (state !== "done" || plan.grant === undefined || number !== family) return undefined;
      if (leases.length !== plan.grant.wishes.length) return `${operation} got ${leases.length} leases`;
      const excluded = leases.find(({ port }) => settings.excluded.includes(port));
      if (excluded !== undefined) return `${operation} got ${excluded.port}, which is excluded`;
      const { contiguous } = plan.grant;
      if (contiguous && leases.some(({ port }, i) => port !== leases[0]!.port + i)) return `${operation} got no block`;
      return firstOf(leases.entries(), ([i, lease]) => misfit(operation, i, lease, settings));
    }),
};

export const INTERNAL: Invariant = {
  name: "internal",
  promise: "No answer is a fault of portd, and no error ends the daemon",
  step: ({ change, run, uncaught }) =>
    uncaught.length > 0
      ? `nothing catches ${(uncaught[0] as Error)?.stack ?? uncaught[0]}`
      : firstOf(change.answered, (operation) =>
        operation.code === "internal" || operation.code === "thrown"
          ? `${operation}: ${run.logged.at(-1) ?? JSON.stringify(operation.answer)}`
          : undefined),
};

export const STUCK: Invariant = {
  name: "stuck",
  promise: "Every call is answered, but those that wait in line",
  rest: ({ book }) =>
    firstOf(
      book.pending,
      (operation) => (operation.plan.grant?.waitMs ?? 0) > 0 ? undefined : `${operation} is never answered`,
    ),
};

function misfit(
  operation: Operation,
  i: number,
  lease: Operation["leases"][number],
  settings: Settings,
): string | undefined {
  const { name, port, prefer, range, pool, protocols, hold } = operation.plan.grant!.wishes[i]!;
  if (name !== lease.name) return `${operation} got the name ${lease.name} for ${name}`;
  const missing = protocols.find((protocol) => !lease.protocols.includes(protocol));
  if (missing !== undefined) return `${operation} got no ${missing}`;
  if (port !== undefined && port !== 0 && operation.plan.grant!.contiguous === false && port !== lease.port) {
    return `${operation} got port ${lease.port}`;
  }
  if (hold === "none" && lease.hold !== "none") return `${operation} got the hold ${lease.hold}`;
  if (prefer.includes(lease.port)) return undefined;
  const isOutside = range !== undefined && (lease.port < range.first || lease.port > range.last);
  return isOutside || (pool === "os" && settings.pool.includes(lease.port))
    ? `${operation} got port ${lease.port}`
    : undefined;
}
