import assert from "node:assert/strict";
import { ServiceSession } from "../../src/service/windows/session.ts";

const STOPPED = 1, START_PENDING = 2, STOP_PENDING = 3, RUNNING = 4;
const STOP = 1, INTERROGATE = 4, SHUTDOWN = 5, PRESHUTDOWN = 15;
const SPECIFIC_ERROR = 1066, NOT_IMPLEMENTED = 120;

/** A service that starts. */
function begun() {
  const reports: number[][] = [], turns: (() => void)[] = [];
  const service = new ServiceSession({
    report: (status) => void reports.push([...status]),
    inNextTurn: (act) => void turns.push(act),
  });
  service.begin();
  /** The next turns of the event loop. */
  const turn = () => turns.splice(0).forEach((act) => act());
  return { reports, turn, service };
}

/** What a SERVICE_STATUS says. */
function words([type, state, accepted, exitCode, specific, checkPoint, waitHint]: readonly number[]) {
  assert.equal(type, 0x10);
  return { state, accepted, exitCode, specific, checkPoint, hasHint: waitHint! > 0 };
}

const calm = { exitCode: 0, specific: 0, checkPoint: 0, hasHint: false };

Deno.test("a service starts with check points until it is ready, and then runs", () => {
  const { service, reports } = begun();
  service.tick();
  service.tick();
  service.ready();
  service.tick();
  assert.deepEqual(reports.map((report) => words(report)), [
    ...[1, 2, 3].map((checkPoint) => ({ ...calm, state: START_PENDING, accepted: 0x105, checkPoint, hasHint: true })),
    { ...calm, state: RUNNING, accepted: 0x105 },
  ]);
});

for (const [name, code] of Object.entries({ STOP, SHUTDOWN, PRESHUTDOWN })) {
  Deno.test(`${name} stops with check points and takes no more controls`, () => {
    const { service, reports, turn } = begun();
    service.ready();
    assert.equal(service.control(code), 0);
    assert.equal(service.signal.aborted, false, "the answer comes first");
    turn();
    assert.equal(service.signal.aborted, true);
    service.tick();
    service.end(0);
    assert.deepEqual(reports.slice(2).map((report) => words(report)), [
      ...[1, 2].map((checkPoint) => ({ ...calm, state: STOP_PENDING, accepted: 0, checkPoint, hasHint: true })),
      { ...calm, state: STOPPED, accepted: 0 },
    ]);
  });
}

Deno.test("a stop that comes while it starts is not undone by its being ready", () => {
  const { service, reports } = begun();
  service.control(STOP);
  service.ready();
  assert.deepEqual(reports.map(([, state]) => state), [START_PENDING, STOP_PENDING]);
});

Deno.test("a failure is reported by an exit code of its own", () => {
  const { service, reports } = begun();
  service.end(3);
  assert.deepEqual(words(reports[1]!), { ...calm, state: STOPPED, accepted: 0, exitCode: SPECIFIC_ERROR, specific: 3 });
});

Deno.test("INTERROGATE is answered, and what nobody knows is not", () => {
  const { service, reports } = begun();
  assert.equal(service.control(INTERROGATE), 0);
  for (const code of [2, 3, 6, 14, 128]) assert.equal(service.control(code), NOT_IMPLEMENTED);
  assert.equal(reports.length, 1);
});

Deno.test("a stop that comes when it has ended by itself changes nothing", () => {
  const { service, reports, turn } = begun();
  service.ready();
  service.end(0);
  assert.equal(service.control(STOP), 0);
  turn();
  service.tick();
  assert.equal(words(reports.at(-1)!).state, STOPPED);
});
