/**
 * 3,000 connections that want 256 ports of a pool of 255 and wait for them. Who is refused asks again at once, 64 at a
 * time; who has waited in vain asks again too.
 */
import { count, inLanes, Line, runAttack } from "./attack.ts";

const WAITERS = 3000, LANES = 64;
const WAIT_MS = 5000;
/** Who has no answer for so long waits in a line. */
const PATIENCE_MS = 50;

if (import.meta.main) {
  await runAttack(async ({ port, isOver, ready, counts }) => {
    const idle = Array.from({ length: WAITERS }, () => new Line(port));
    const ask = async (line: Line) => {
      const answer = await line.ask("POST", "/v1/leases", { count: 256, waitMs: WAIT_MS });
      count(counts, answer === undefined ? "cut off" : `answers ${answer.status}`);
      idle.push(line);
    };
    await inLanes(LANES, async () => {
      while (!isOver()) {
        const line = idle.shift();
        const patience = new Promise<void>((resolve) => setTimeout(resolve, PATIENCE_MS));
        if (line === undefined) await patience;
        else await Promise.race([ask(line), patience]);
        if (idle.length <= WAITERS - 900) ready();
      }
    });
  });
}
