/** launchd's service control against a launchctl that keeps its jobs in a folder. */
import assert from "node:assert/strict";
import { definitionFolder, Launchd, type LaunchdOptions } from "../../src/service/darwin/launchd.ts";
import type { refuseUnsafe } from "../../src/service/inspect.ts";
import { FakeSignals } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { aborted, done as run, textsOf } from "../support/service.ts";
import { testConformance } from "./conformance.ts";

const PROGRAM = new URL("../support/launchctl.ts", import.meta.url).pathname;
/** Its jobs are started by nobody; that it is there and root's is all that counts. */
const SELF = ["/usr/bin/env"] as const;

async function openMac(options: Partial<LaunchdOptions> = {}) {
  const folder = await temporaryFolder(), { path } = folder;
  const stateDir = `${path}/state & co`;
  await Deno.mkdir(stateDir);
  const control = (more: Partial<LaunchdOptions> = {}) =>
    new Launchd({
      isUser: false,
      uid: 0,
      env: { HOME: "/Users/ada" },
      root: path,
      onSignal: () => () => {},
      launchctl: [Deno.execPath(), "run", "--allow-read", "--allow-write", PROGRAM, path],
      pauseMs: 1,
      inspect: () => {},
      ...options,
      ...more,
    });
  return {
    path,
    /** Where the property list lies. */
    plist: `${path}/Library/LaunchDaemons/portd.plist`,
    definition: { self: SELF, words: ["--state-dir", stateDir], stateDir, reserve: [] },
    control,
    stranger: () => control({ uid: options.isUser ? 0 : 501 }),
    /** Sets a file of tests/support/launchctl.ts. */
    set: (name: string, content: unknown) => Deno.writeTextFile(`${path}/${name}`, JSON.stringify(content)),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

const register = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name, ignore: Deno.build.os === "windows", fn });

testConformance({ name: "launchd daemon", open: openMac, register });
testConformance({ name: "launchd agent", open: () => openMac({ isUser: true, uid: 501 }), register });

/** Registers a test on a Mac on which portd is installed. */
function macTest(name: string, fn: (mac: Awaited<ReturnType<typeof openMac>>) => Promise<void>): void {
  register(name, async () => {
    await using mac = await openMac();
    await run(mac.control().install(mac.definition));
    await fn(mac);
  });
}

macTest("an upgrade stops what runs, writes, loads and waits", async (mac) => {
  await run(mac.control().start());
  const newer = { ...mac.definition, words: [...mac.definition.words, "--pool", "21000-21999"] };
  assert.deepEqual(await textsOf(mac.control().install(newer)), [
    "launchctl bootout system/portd",
    `write ${mac.plist}`,
    `launchctl bootstrap system ${mac.plist}`,
    "wait until it is ready",
  ]);
});

macTest("the property list is for root to write and for all to read, and no draft is left", async (mac) => {
  assert.equal((await Deno.stat(mac.plist)).mode! & 0o777, 0o644);
  assert.equal((await Array.fromAsync(Deno.readDir(`${mac.path}/Library/LaunchDaemons`))).length, 1);
});

macTest("a service that was disabled by hand is enabled by install and by start", async (mac) => {
  await mac.set("jobs.json", { jobs: {}, disabled: ["system/portd"] });
  assert.equal((await mac.control().status()).startsAtBoot, false);
  assert.deepEqual(await textsOf(mac.control().install(mac.definition)), ["launchctl enable system/portd"]);
  await run(mac.control().start());
  const { state, startsAtBoot } = await mac.control().status();
  assert.deepEqual([state, startsAtBoot], ["running", true]);
});

macTest("start and stop wait as long as launchd takes", async (mac) => {
  await mac.set("slow", 3);
  await run(mac.control().start());
  assert.equal(JSON.parse(await Deno.readTextFile(`${mac.definition.stateDir}/daemon.json`)).pid, 4712);
  await run(mac.control().stop());
  assert.equal((await mac.control().status()).state, "stopped");
});

macTest("the error of a service that ends before it is ready names its exit code and its log", async (mac) => {
  await mac.set("exits", "78: EX_CONFIG");
  const log = `${mac.definition.stateDir}/daemon.log`;
  const message = `Cannot start system/portd: it ended with exit code 78; its log is ${log}`;
  await assert.rejects(run(mac.control().start()), { message });
  const { state, exitCode } = await mac.control().status();
  assert.deepEqual([state, exitCode], ["failed", 78]);
  await mac.set("exits", null);
  assert.deepEqual(await run(mac.control().start()), ["launchctl kickstart system/portd", "wait until it is ready"]);
  assert.equal((await mac.control().status()).state, "running");
});

macTest("what takes longer than the limit is an error", async (mac) => {
  await mac.set("slow", 1000);
  await assert.rejects(run(mac.control({ limitMs: 1 }).start()), /Cannot start system\/portd: it is not ready in time/);
  await assert.rejects(run(mac.control({ limitMs: 1 }).stop()), /Cannot stop system\/portd: launchd has not ended it/);
});

macTest("an error has launchctl's own words", async (mac) => {
  await mac.set("faults.json", { bootstrap: [5, "Bootstrap failed: 5: Input/output error\nTry again as root"] });
  await assert.rejects(run(mac.control().start()), {
    message: `Cannot launchctl bootstrap system ${mac.plist}: launchctl ended with 5: ` +
      "Bootstrap failed: 5: Input/output error; Try again as root",
  });
  await mac.set("faults.json", { print: [1, "no"], "print-disabled": [1, "no"], bootout: [9, "no"] });
  await assert.rejects(mac.control().status(), /Cannot read system\/portd: launchctl ended with 1: no/);
  await assert.rejects(mac.control().install(mac.definition), /Cannot read what is disabled in system/);
});

register("an agent without a session at the screen is an error that says so, with both ways out", async () => {
  const noSession =
    /^Error: Cannot read gui\/501\/portd: this user is not logged in at the screen.* with sudo and without/;
  await using mac = await openMac({ isUser: true, uid: 501 });
  for (
    const [code, words] of [
      [112, "Bad request.\nCould not find domain for user gui: 501"],
      [125, "Domain does not support specified action"],
    ] as const
  ) {
    await mac.set("faults.json", { print: [code, words] });
    await assert.rejects(mac.control().status(), noSession);
  }
  await using daemon = await openMac();
  await daemon.set("faults.json", { print: [125, "Domain does not support specified action"] });
  await assert.rejects(daemon.control().status(), /launchctl ended with 125: Domain does not support/);
});

macTest("a job whose property list somebody has removed is still there to be stopped and uninstalled", async (mac) => {
  await run(mac.control().start());
  await Deno.remove(mac.plist);
  const { state, definition, startsAtBoot } = await mac.control().status();
  assert.deepEqual([state, definition, startsAtBoot], ["running", null, false]);
  assert.deepEqual(await textsOf(mac.control().stop()), ["launchctl bootout system/portd"]);
  await run(mac.control().uninstall());
  assert.equal((await mac.control().status()).state, "absent");
});

macTest("only a daemon of the system is inspected, with its words and Deno's modules", async (mac) => {
  const inspected: Parameters<typeof refuseUnsafe>[] = [];
  const options: Partial<LaunchdOptions> = {
    env: { HOME: "/Users/ada", DENO_DIR: "/deno" },
    inspect: (...call) => void inspected.push(call),
  };
  await mac.control(options).install(mac.definition);
  await mac.control({ ...options, isUser: true, uid: 501 }).install(mac.definition);
  assert.deepEqual(inspected.map(([definition, { denoDir }]) => [definition, denoDir]), [[mac.definition, "/deno"]]);
});

Deno.test("a daemon is root's to change, an agent is not root's", async () => {
  await using mac = await openMac();
  const refusal = (isUser: boolean, uid: number) => mac.control({ isUser, uid }).refusal();
  assert.match(await refusal(false, 501) ?? "", /only root may change a daemon of the system: use sudo, or --user/);
  assert.match(await refusal(true, 0) ?? "", /without sudo/);
  assert.deepEqual([await refusal(false, 0), await refusal(true, 501)], [undefined, undefined]);
  assert.equal(definitionFolder({ isUser: false, env: {} }), "/Library/LaunchDaemons");
  assert.equal(definitionFolder({ isUser: true, env: { HOME: "/Users/ada" } }), "/Users/ada/Library/LaunchAgents");
  assert.throws(() => definitionFolder({ isUser: true, env: {} }), /HOME is not set/);
});

Deno.test("run() ends the service at SIGTERM, and passes failures on", async () => {
  await using mac = await openMac();
  const signals = new FakeSignals();
  const control = mac.control({ onSignal: signals.listen });
  const begun = Promise.withResolvers<void>();
  const ending = control.run(async ({ signal, ready }) => {
    ready();
    begun.resolve();
    await aborted(signal);
  });
  await begun.promise;
  signals.send("SIGTERM");
  await ending;
  assert.equal(signals.listeners, 0);
  await assert.rejects(control.run(() => Promise.reject(new Error("Cannot serve"))), /Cannot serve/);
  assert.equal(signals.listeners, 0);
});
