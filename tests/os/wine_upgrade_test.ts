/** portd's program on Windows is replaced while its service runs, under Wine; a program of C stands in for portd.exe. */
import assert from "node:assert/strict";
import { digestOf } from "../support/os/cache.ts";
import { MINGW } from "../support/os/firewall_com_server.ts";
import { osTest } from "../support/os/requirement.ts";
import { obtainStandIn } from "../support/os/stand_in_program.ts";
import { FLAGS, portdWords } from "../support/os/wine.ts";
import { Machine } from "../support/os/wine_machine.ts";
import { DENO_EXE, WINE } from "../support/os/wine_root.ts";
import type { UpgradeOutcome } from "../support/os/wine_upgrade.ts";

const FOLDER = "C:\\Program Files\\portd", PROGRAM = `${FOLDER}\\portd.exe`;

/** The program of a version: its path, as Windows sees it, and how its bytes are known. */
interface Version {
  readonly path: string;
  readonly digest: string;
}

async function bring(machine: Machine, version: string, fails = false): Promise<Version> {
  const command = [DENO_EXE, ...await portdWords()].join(" ");
  const file = await obtainStandIn({ command, version, fails });
  await machine.wine.lay(file);
  return { path: machine.wine.path(`portd-${version}.exe`), digest: (await digestOf(file)).slice(0, 16) };
}

/** Installs a version. @param running are arguments with which the version before it runs meanwhile, besides the service. */
async function install(machine: Machine, { path }: Version, ...running: readonly string[]): Promise<UpgradeOutcome> {
  const script = machine.wine.path("tests/support/os/wine_upgrade.ts");
  const { code, stdout, stderr } = await machine.order("deno", [
    ...["run", ...FLAGS, script, path, machine.listen],
    ...running,
  ]);
  assert.equal(code, 0, stderr);
  const outcome: UpgradeOutcome = JSON.parse(stdout);
  console.log(outcome); // for who reads why a step has failed
  return outcome;
}

osTest("on Windows a service that runs gets a new program, or keeps the old one", [...WINE, MINGW], async (t) => {
  await using machine = await Machine.start();
  const [first, second, third] = [await bring(machine, "1"), await bring(machine, "2"), await bring(machine, "3")];
  const broken = await bring(machine, "4", true);
  let lease: Record<string, unknown> = {};
  const expectLease = async () => assert.equal((await machine.ask("/leases/by-name/shop/web")).id, lease.id);

  await t.step("the program is copied to Program Files, and started once", async () => {
    const { error, state, program, standardHandles, files } = await install(machine, first);
    assert.deepEqual({ error, state, program }, { error: undefined, state: "running", program: PROGRAM });
    assert.deepEqual(files, { "portd.exe": first.digest });
    assert.equal(standardHandles?.length, 3);
    console.log(`std handles of the service: ${standardHandles?.join(", ")}`);
    lease = await machine.ask("/leases", { project: "shop", name: "web", lifetime: { kind: "pinned" } });
  });
  await t.step("a new version takes its place, and knows the leases", async () => {
    const { pid } = await machine.ask("/status");
    const { error, steps, state, files } = await install(machine, second);
    assert.deepEqual({ error, state }, { error: undefined, state: "running" }, steps.join("\n"));
    assert.deepEqual(files, { "portd.exe": second.digest });
    assert.notEqual((await machine.ask("/status")).pid, pid);
    await expectLease();
  });
  await t.step("a version that cannot start is taken away, and the old one runs with the leases", async () => {
    const { error, state, program, files } = await install(machine, broken);
    assert.match(
      error ?? "",
      /^Error: Cannot start the service: .*; the service has the program that it had before, and/,
    );
    assert.deepEqual({ state, program, files }, {
      state: "running",
      program: PROGRAM,
      files: { "portd.exe": second.digest },
    });
    await expectLease();
  });
  await t.step("what is no program at all is taken away likewise", async () => {
    const { error, state, files } = await install(machine, { path: machine.wine.path("deno.json"), digest: "" });
    assert.match(
      error ?? "",
      /^Error: Cannot start the service: .*; the service has the program that it had before, and/,
    );
    assert.deepEqual({ state, files }, { state: "running", files: { "portd.exe": second.digest } });
    await expectLease();
  });
  await t.step("a program that somebody else runs is renamed, and goes with the next version", async () => {
    const holding = await install(machine, third, "hold");
    assert.deepEqual([holding.error, holding.state], [undefined, "running"]);
    assert.deepEqual(holding.files, { "portd.exe": third.digest, "portd.old-1.exe": second.digest });
    const { error, files } = await install(machine, first);
    assert.deepEqual({ error, files }, { error: undefined, files: { "portd.exe": first.digest } });
    await expectLease();
  });
  await t.step("it goes with the service, and so does its folder", async () => {
    await machine.service("uninstall");
    const { query, parameters } = await machine.look();
    assert.deepEqual([query, parameters], [{}, undefined]);
    const { code, stderr } = await machine.order("deno", ["eval", `Deno.statSync(${JSON.stringify(FOLDER)})`]);
    assert.notEqual(code, 0);
    assert.match(stderr, /NotFound/);
  });
});
