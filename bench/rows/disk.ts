/** Other clients' grants, and the size of the file, while many requests with Idempotency-Keys fill it. */
import type { Outcome, Row } from "../row.ts";
import { startDaemon } from "../servers.ts";
import { besiege } from "../siege.ts";
import type { Workbench } from "../workbench.ts";

export const disk: Row = { name: "disk", tools: [], measure };

const SECONDS = 30;

async function measure(bench: Workbench): Promise<Outcome> {
  await using daemon = await startDaemon(bench, { cooldownMs: 60_000 });
  const what = "8 send requests with Idempotency-Keys for 256 ports";
  return await besiege(bench, daemon, { what, attackers: [["keyed"]], seconds: SECONDS, rounds: 1 });
}
