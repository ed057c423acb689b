/** Waiting. */
import assert from "node:assert/strict";
import { abortable, pause, pauseAfter, retry, retryUntil, startTimer, within } from "../src/wait.ts";

const NEVER = new Promise<never>(() => {});
const REASON = new Error("not wanted any more");

/** A signal that is aborted in the turn after the present one. */
function abortedSoon(): AbortSignal {
  const aborting = new AbortController();
  queueMicrotask(() => aborting.abort(REASON));
  return aborting.signal;
}

Deno.test("whatever waits ends with the signal's reason, aborted before or meanwhile", async () => {
  for (const signalOf of [() => AbortSignal.abort(REASON), abortedSoon]) {
    const signal = signalOf();
    await assert.rejects(pause(2 ** 40, signal), REASON);
    await assert.rejects(abortable(NEVER, signalOf()), REASON);
    await assert.rejects(retryUntil(() => false, { pauseMs: 2 ** 40, signal: signalOf() }), REASON);
    await assert.rejects(retryUntil(() => NEVER, { pauseMs: 0, signal: signalOf() }), REASON);
    const retrying = { mostAttempts: 9, pauseMs: 2 ** 40, mayPass: () => true };
    await assert.rejects(retry(() => Promise.reject(new Error("no")), { ...retrying, signal: signalOf() }), REASON);
  }
});

Deno.test("pause() and abortable() end by themselves", async () => {
  assert.equal(await pause(0), undefined);
  assert.equal(await abortable(Promise.resolve(1), new AbortController().signal), 1);
  await assert.rejects(abortable(Promise.reject(REASON), new AbortController().signal), REASON);
});

Deno.test("within() gives undefined for a promise that takes too long", async () => {
  assert.equal(await within(Promise.resolve(1), 2 ** 40), 1);
  assert.equal(await within(NEVER, 0), undefined);
  await assert.rejects(within(Promise.reject(REASON), 2 ** 40), REASON);
});

Deno.test("retryUntil() attempts until there is a value, and once at least", async () => {
  const values = [undefined, false, 0, 1];
  assert.equal(await retryUntil(() => values.shift(), { pauseMs: 0 }), 0);
  assert.equal(await retryUntil(() => values.shift(), { pauseMs: 0, limitMs: 0 }), 1);
  assert.equal(await retryUntil(() => false, { pauseMs: 2 ** 40, limitMs: 0 }), undefined);
  assert.equal(await retryUntil(() => false, { pauseMs: 2 ** 40, limitMs: 1 }), undefined, "pauses end at the limit");
  await assert.rejects(retryUntil(() => Promise.reject(REASON), { pauseMs: 0 }), REASON);
});

Deno.test("retry() passes over errors that may pass, and throws the others and the last one", async () => {
  let attempts = 0;
  const failing = (times: number) => () => {
    attempts++;
    return attempts > times ? Promise.resolve("well") : Promise.reject(new Error(`attempt ${attempts}`));
  };
  const options = { mostAttempts: 3, pauseMs: 0, mayPass: () => true };
  assert.equal(await retry(failing(2), options), "well");
  attempts = 0;
  await assert.rejects(retry(failing(3), options), /attempt 3/);
  attempts = 0;
  await assert.rejects(retry(failing(3), { ...options, mayPass: () => false }), /attempt 1/);
});

Deno.test("pauses double up to the longest; without a longest all are equal", () => {
  const pauses = (longest: { readonly longestPauseMs?: number }) =>
    [1, 2, 3, 4, 2000].map((attempts) => pauseAfter(attempts, { pauseMs: 100, ...longest }));
  assert.deepEqual(pauses({ longestPauseMs: 500 }), [100, 200, 400, 500, 500]);
  assert.deepEqual(pauses({}), [100, 100, 100, 100, 100]);
});

Deno.test("startTimer() takes durations that are longer than a timer can be", () => {
  const set: (readonly [onEnd: () => void, ms: number])[] = [];
  const stopped: number[] = [];
  let ended = 0;
  const setTimer = (onEnd: () => void, ms: number) => {
    const number = set.push([onEnd, ms]);
    return () => void stopped.push(number);
  };
  const longest = 2 ** 31 - 1;
  const stop = startTimer(2 * longest + 5, () => ended++, setTimer);
  for (const parts of [1, 2, 3]) {
    assert.deepEqual([set.length, ended], [parts, 0]);
    set.at(-1)![0]();
  }
  assert.deepEqual([set.map(([, ms]) => ms), ended], [[longest, longest, 5], 1]);
  stop();
  assert.deepEqual(stopped, [3]);
});
