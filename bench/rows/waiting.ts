/** Other clients' grants while thousands wait in line for ports. */
import type { Outcome, Row } from "../row.ts";
import { startDaemon } from "../servers.ts";
import { besiege } from "../siege.ts";
import type { Workbench } from "../workbench.ts";

export const waiting: Row = { name: "waiting", tools: [], measure };

const SECONDS = 10, ROUNDS = 2;

async function measure(bench: Workbench): Promise<Outcome> {
  await using daemon = await startDaemon(bench, { pool: "10000-10254", cooldownMs: 60_000 });
  const many = await besiege(bench, daemon, {
    what: "3,000 wait for 256 ports of a pool of 255",
    attackers: [["waiters"], ["churn"]],
    seconds: SECONDS,
    rounds: ROUNDS,
  });
  const apart = await besiege(bench, daemon, {
    what: "1,000 wait for a port, each of another range",
    attackers: [["ranges"], ["churn"]],
    seconds: SECONDS,
    rounds: ROUNDS,
  });
  return { lines: [...many.lines, ...apart.lines], notes: [...many.notes, ...apart.notes] };
}
