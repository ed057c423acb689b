/**
 * Up to 23 MB of requests with an Idempotency-Key each, from 8 connections. Half of the connections ask again and again
 * for the same 256 named leases, which are renewed; the other half takes 256 leases with as long texts as it may, and
 * gives them back by their label.
 */
import { count, inLanes, Line, runAttack } from "./attack.ts";

const LANES = 8, MOST_BYTES = 23_000_000;
/** As long as holder and labels of 256 leases may be together. */
const LONGEST = 1000;
/** About as many bytes as a request has beside its body. */
const HEAD = 200;

if (import.meta.main) {
  await runAttack(async ({ port, isOver, ready, counts }) => {
    let sent = 0;
    await inLanes(LANES, async (lane) => {
      const line = new Line(port);
      const long = {
        count: 256,
        holder: { id: `${lane}`, cwd: `/${"x".repeat(LONGEST)}` },
        labels: { siege: `${lane}` },
      };
      const short = { count: 256, project: `lane-${lane}`, name: "web" };
      const body = lane % 2 === 0 ? short : long;
      while (!isOver() && sent < MOST_BYTES) {
        const answer = await line.ask("POST", "/v1/leases", body, { "Idempotency-Key": crypto.randomUUID() });
        sent += HEAD + JSON.stringify(body).length;
        count(
          counts,
          answer === undefined ? "cut off" : `${body === long ? "long" : "short"} answers ${answer.status}`,
        );
        ready();
        if (body === long) await line.ask("DELETE", `/v1/leases?label=siege:${lane}`);
      }
    });
    count(counts, "KB of requests with keys", Math.round(sent / 1000));
  });
}
