/** What the service reports to systemd, read from a socket as systemd does. */
import assert from "node:assert/strict";
import { openLibc } from "../../src/os/linux/libc.ts";
import { runNotified } from "../../src/service/linux/notified_run.ts";
import type { ServiceRun } from "../../src/service/service.ts";
import { FakeSignals } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { aborted } from "../support/service.ts";

const AF_UNIX = 1, SOCK_DGRAM = 2;

/** Listens as systemd does. */
async function openSystemd() {
  const folder = await temporaryFolder();
  const path = `${folder.path}/notify`;
  const socket = Deno.listenDatagram({ transport: "unixpacket", path });
  const signals = new FakeSignals();
  const unset: string[] = [];
  return {
    path,
    signals,
    unset,
    async next(): Promise<string> {
      const [bytes] = await socket.receive();
      return new TextDecoder().decode(bytes);
    },
    run(work: (service: ServiceRun) => Promise<void>, env: Readonly<Record<string, string>> = {}) {
      const unsetEnv = (variable: string) => void unset.push(variable);
      return runNotified(work, { env: { NOTIFY_SOCKET: path, ...env }, unsetEnv, onSignal: signals.listen });
    },
    async [Symbol.asyncDispose]() {
      socket.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function linuxTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: Deno.build.os !== "linux", sanitizeResources: false, fn }); // libc stays open
}

linuxTest("systemd gets a report when the service is ready, and when it stops", async () => {
  await using systemd = await openSystemd();
  const ending = systemd.run(async ({ signal, ready }) => {
    ready();
    await aborted(signal);
  });
  assert.equal(await systemd.next(), "READY=1\nSTATUS=Serving");
  systemd.signals.send("SIGTERM");
  systemd.signals.send("SIGTERM");
  assert.equal(await systemd.next(), "STOPPING=1\nSTATUS=Stopping");
  await ending;
  assert.equal(await systemd.next(), "STOPPING=1\nSTATUS=Stopped");
  assert.equal(systemd.signals.listeners, 0);
});

linuxTest("a failure is reported on one line, and thrown", async () => {
  await using systemd = await openSystemd();
  const failure = new Error("Cannot serve:\nREADY=1");
  await assert.rejects(systemd.run(() => Promise.reject(failure)), failure);
  assert.equal(await systemd.next(), "STOPPING=1\nSTATUS=Failed: Cannot serve: READY=1");
});

linuxTest("what is only for this process is removed from what its children inherit", async () => {
  await using systemd = await openSystemd();
  await systemd.run(() => Promise.resolve());
  assert.deepEqual(systemd.unset.toSorted(), ["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"]);
});

linuxTest("an abstract socket gets the reports too", async () => {
  const name = `portd-test-${crypto.randomUUID()}`;
  const libc = openLibc(); // Deno 2.4 listens on no abstract socket
  const descriptor = libc.socket(AF_UNIX, SOCK_DGRAM, 0);
  const address = new Uint8Array([AF_UNIX, 0, 0, ...new TextEncoder().encode(name)]);
  assert.equal(libc.bind(descriptor, address, address.length), 0);
  const env = { NOTIFY_SOCKET: `@${name}` };
  const options = { env, unsetEnv: () => {}, onSignal: () => () => {} };
  await runNotified(({ ready }) => Promise.resolve(ready()), options);
  const bytes = new Uint8Array(100);
  const length = Number(libc.recv(descriptor, bytes, 100n, 0));
  assert.equal(new TextDecoder().decode(bytes.subarray(0, length)), "READY=1\nSTATUS=Serving");
  libc.close(descriptor);
});

linuxTest("signs of life come again and again from the event loop, and end with the work", async () => {
  await using systemd = await openSystemd();
  const enough = Promise.withResolvers<void>();
  const ending = systemd.run(() => enough.promise, { WATCHDOG_USEC: "2000", WATCHDOG_PID: `${Deno.pid}` });
  for (let i = 0; i < 3; i++) assert.equal(await systemd.next(), "WATCHDOG=1");
  enough.resolve();
  await ending; // a timer that went on would fail the test
});

/** Ends behind every timer of a millisecond that was set before: timers that are due together go off in their order. */
function laterTimer(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

linuxTest("only the process that is meant gives signs of life", async () => {
  await using systemd = await openSystemd();
  const others = { WATCHDOG_USEC: "1", WATCHDOG_PID: "1" };
  await systemd.run(async ({ ready }) => {
    await laterTimer();
    ready();
  }, others);
  assert.equal(await systemd.next(), "READY=1\nSTATUS=Serving");
});

linuxTest("a readiness that reaches nobody is a failure, a sign of life is not", async () => {
  await using systemd = await openSystemd();
  const gone = { NOTIFY_SOCKET: `${systemd.path}-gone`, WATCHDOG_USEC: "1000" };
  await systemd.run(laterTimer, gone);
  const message = "Cannot report to systemd that the service is ready";
  await assert.rejects(systemd.run(({ ready }) => Promise.resolve().then(ready), gone), { message });
  for (const name of ["notify", "vsock:2:1", "@", `/${"x".repeat(108)}`]) {
    await assert.rejects(
      systemd.run(() => Promise.resolve(), { NOTIFY_SOCKET: name }),
      /Cannot report to systemd: NOTIFY_/,
    );
  }
});

Deno.test("without systemd the service runs, and its signals mean the same", async () => {
  const signals = new FakeSignals();
  const steps: string[] = [];
  const ending = runNotified(async ({ signal, ready }) => {
    ready();
    await aborted(signal);
    steps.push("end");
  }, { env: {}, unsetEnv: () => {}, onSignal: signals.listen });
  signals.send("SIGINT");
  await ending;
  assert.deepEqual(steps, ["end"]);
});
