/** 640 connections that search the whole history for what is not there, page after page. */
import { count, inLanes, Line, runAttack } from "./attack.ts";

const LANES = 640;

if (import.meta.main) {
  await runAttack(async ({ port, isOver, ready, counts }) => {
    await inLanes(LANES, async () => {
      const line = new Line(port);
      let cursor = "";
      while (!isOver()) {
        const answer = await line.ask("GET", `/v1/leases?ended=true&name=nope${cursor}`);
        ready();
        count(counts, answer === undefined ? "cut off" : `answers ${answer.status}`);
        const next = answer?.status === 200 ? JSON.parse(answer.body).next : undefined;
        cursor = next === undefined ? "" : `&cursor=${next}`;
      }
    });
  });
}
