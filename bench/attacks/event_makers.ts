/** A thousand events a second: 500 grants, each with its release, spread over the second. */
import { count, inLanes, Line, runAttack } from "./attack.ts";

const LANES = 8, PAIRS_A_SECOND = 500;
const PAUSE_MS = 1000 * LANES / PAIRS_A_SECOND;

if (import.meta.main) {
  await runAttack(async ({ port, isOver, ready, counts }) => {
    await inLanes(LANES, async (lane) => {
      const line = new Line(port);
      const body = { project: "events", name: `lane-${lane}` };
      let next = performance.now() + lane * PAUSE_MS / LANES;
      while (!isOver()) {
        const granted = await line.ask("POST", "/v1/leases", body);
        const released = await line.ask("DELETE", `/v1/leases/by-name/events/lane-${lane}`);
        if (granted?.status === 201 && released?.status === 204) count(counts, "events", 2);
        else count(counts, "failures");
        ready();
        next += PAUSE_MS; // what came late is made up for, so that the events stay a thousand a second
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
      }
      line.close();
    });
  });
}
