/** `portd doctor --self-test` on Windows, by Deno for Windows under Wine: it runs to its end and leaves nothing. */
import assert from "node:assert/strict";
import type { ItemResult, ItemState } from "../../src/self_test/self_test.ts";
import { temporaryFolder } from "../support/folder.ts";
import { MINGW, obtainComServer } from "../support/os/firewall_com_server.ts";
import type { Outcome } from "../support/os/installation.ts";
import { osTest } from "../support/os/requirement.ts";
import { FLAGS, portdWords, Wine } from "../support/os/wine.ts";
import { WINE } from "../support/os/wine_root.ts";
import type { SelfTestOrders } from "../support/os/wine_self_test_run.ts";

const ITEMS =
  "spawn.eof spawn.window spawn.handles bind.matrix bind.prompt tables lasterror process registry.rules netsh store run.cmd"
    .split(" ");
const ELEVATED = ["fw", "scm", "exclude", "acl"];

/** What is not `ok` under Wine, with the reason: a change of one of them is to be noticed. */
const NOT_OK: Readonly<Record<string, readonly [ItemState, RegExp]>> = {
  "spawn.window": ["skipped", /^this process has no desktop$/],
  // Wine's netsh is a stub.
  netsh: ["skipped", /^netsh prints nothing$/],
  exclude: ["skipped", /^netsh prints nothing$/],
  // Wine does not replace a file that is open.
  store: ["fail", /^rename over an open file failed: /],
  // The text of Wine's cmd.exe is in a code page without Japanese.
  "run.cmd": ["fail", /^1 of 9 arguments arrive changed$/],
  // Wine maps access lists to the modes of Linux.
  acl: ["fail", /^the folder has another access list$/],
};

/** A Windows whose administrator follows orders. */
class Machine implements AsyncDisposable {
  readonly wine: Wine;

  private constructor(wine: Wine) {
    this.wine = wine;
  }

  static async start(): Promise<Machine> {
    const wine = await Wine.start();
    // Under Wine a service does not get the variables of its `Environment`; it reads the registry of packages here.
    await using folder = await temporaryFolder();
    await Deno.writeTextFile(`${folder.path}/.npmrc`, `registry=${wine.env.NPM_CONFIG_REGISTRY}\n`);
    await wine.lay(`${folder.path}/.npmrc`);
    await wine.lay(await obtainComServer());
    await wine.compile();
    return new Machine(wine);
  }

  async order<N extends keyof SelfTestOrders>(
    name: N,
    argument: Parameters<SelfTestOrders[N]>[0],
  ): Promise<Awaited<ReturnType<SelfTestOrders[N]>>> {
    const program = this.wine.path("tests/support/os/wine_self_test_run.ts");
    const { code, stdout, stderr } = await this.wine.deno(["run", ...FLAGS, program, name, JSON.stringify(argument)]);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  }

  /** Runs `portd doctor ARGS` as an administrator. */
  async doctor(...args: readonly string[]): Promise<Outcome> {
    return await this.order("run", [...await portdWords(), "doctor", ...args]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.wine[Symbol.asyncDispose]();
  }
}

function checkReport({ code, stdout, stderr }: Outcome, ids: readonly string[]): readonly ItemResult[] {
  const { items }: { readonly items: readonly ItemResult[] } = JSON.parse(stdout || assert.fail(stderr));
  assert.deepEqual(items.map(({ id }) => id), ids);
  for (const { id, state, reason } of items) {
    const [expected, words] = NOT_OK[id] ?? ["ok", /^$/];
    assert.equal(state, expected, `${id}: ${reason}`);
    assert.match(reason ?? "", words, id);
  }
  assert.equal(code, 1, "some items fail");
  for (const secret of [/Users\\+root/i, /main\.ts/, /deno\.exe/i, /S-1-5-21/]) assert.doesNotMatch(stdout, secret);
  return items;
}

async function checkNothingLeft(machine: Machine): Promise<void> {
  assert.deepEqual(await machine.order("look", null), { folders: [], services: [], rules: [] });
}

osTest("on Windows the self-test runs to its end and leaves nothing", [...WINE, MINGW], async (t) => {
  await using machine = await Machine.start();
  await machine.order("firewall", null);
  await t.step("without more rights", async () => {
    checkReport(await machine.wine.portd(["doctor", "--self-test", "--json"]), ITEMS);
    await checkNothingLeft(machine);
  });
  await t.step("elevated parts are listed and asked for first", async () => {
    const { code, stdout, stderr } = await machine.doctor("--self-test", "--elevated");
    assert.deepEqual([code, stdout], [2, ""]);
    for (const id of ELEVATED) assert.match(stderr, new RegExp(`^  ${id} +\\S`, "m"));
    assert.match(stderr, /^portd: Cannot ask "Run them\?": stdin is no terminal; pass --yes to answer yes\n$/m);
  });
  await t.step("with an administrator's rights", async () => {
    const items = checkReport(await machine.doctor("--self-test", "--elevated", "--yes", "--json"), [
      ...ITEMS,
      ...ELEVATED,
    ]);
    const valueOf = (id: string) => items.find((item) => item.id === id)!.value as Record<string, unknown>;
    const rules = valueOf("fw").texts as string[];
    assert.equal(rules.length, 4);
    for (const text of rules) {
      assert.match(text, /^v2\.\d+\|Action=Allow\|Active=FALSE\|Dir=In\|.*\|EmbedCtxt=portd-selftest\|$/);
    }
    const { exitCode, abortedCode, standardHandles } = valueOf("scm");
    assert.deepEqual([exitCode, abortedCode], [0, 1067]);
    assert.deepEqual(Object.keys(standardHandles as object), ["stdin", "stdout", "stderr"]);
    await checkNothingLeft(machine);
  });
  await t.step("what is left when it is killed while its service runs is removed by --cleanup", async () => {
    const words = [...await portdWords(), "doctor", "--self-test", "--elevated", "--yes"];
    const { folders, services } = await machine.order("kill", { words, file: "service.json" });
    assert.deepEqual([folders.length, services.length], [2, 1], folders.join(" "));
    const { code, stdout } = await machine.doctor("--self-test", "--cleanup", "--json");
    const { removals } = JSON.parse(stdout);
    assert.deepEqual(removals.map(({ state }: { state: string }) => state), ["removed", "removed"], stdout);
    assert.equal(code, 0);
    await checkNothingLeft(machine);
  });
});
