/** 1,000 connections that wait for a port, each of another range; all ranges have all their ports leased. */
import { count, inLanes, Line, runAttack } from "./attack.ts";

const WAITERS = 1000;
const FIRST = 30_000, WAIT_MS = 5000;
/** Ports of the ranges that are given back and taken again. */
const LANES = 4, PORTS = 256;

if (import.meta.main) {
  await runAttack(async ({ port, isOver, ready, counts }) => {
    const filler = new Line(port);
    for (let first = FIRST; first < FIRST + WAITERS; first += 250) {
      await filler.ask("POST", "/v1/leases", { block: 250, range: { first, last: first + 249 } });
    }
    const waiting = inLanes(WAITERS, async (lane) => {
      const line = new Line(port);
      const range = { first: FIRST, last: FIRST + lane };
      while (!isOver()) {
        const answer = await line.ask("POST", "/v1/leases", { range, waitMs: WAIT_MS });
        count(counts, answer === undefined ? "cut off" : `answers ${answer.status}`);
      }
    });
    const leaving = inLanes(LANES, async () => {
      const line = new Line(port);
      while (!isOver()) {
        const number = FIRST + Math.floor(Math.random() * PORTS);
        const answer = await line.ask("DELETE", `/v1/leases/by-port/${number}`);
        count(counts, `releases ${answer?.status}`);
        ready();
      }
    });
    await Promise.all([waiting, leaving]);
  });
}
