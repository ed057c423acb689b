/** Ports of the pool come and go: 4 connections take a few each and give them back. */
import { count, inLanes, Line, runAttack } from "./attack.ts";

const LANES = 4, PORTS = 16;

if (import.meta.main) {
  await runAttack(async ({ port, isOver, ready, counts }) => {
    ready();
    await inLanes(LANES, async () => {
      const line = new Line(port);
      while (!isOver()) {
        const taken: string[] = [];
        for (let i = 0; i < PORTS; i++) {
          const answer = await line.ask("POST", "/v1/leases", {});
          if (answer?.status === 201) taken.push(JSON.parse(answer.body).id);
        }
        for (const id of taken) await line.ask("DELETE", `/v1/leases/${id}`);
        count(counts, "ports came and went", taken.length);
      }
    });
  });
}
