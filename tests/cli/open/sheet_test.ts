/** `portd open --router` where no router answers: the router sheet. */
import assert from "node:assert/strict";
import { commandTest, type Setting } from "../../support/command_setting.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { answerEach, leaseGame, ROUTER } from "../../support/gateway/answers.ts";

const OPEN = ["open", "game", "--router"];

/** A router that does not answer. */
async function withoutRouter({ daemon }: Setting): Promise<void> {
  const reason = "The router 192.168.1.1 does not answer";
  answerEach(daemon, { state: "failed", external: null, via: null, reason }, { ipv4: null, faults: [reason] });
  await leaseGame(daemon);
}

commandTest(
  "where no router answers, stderr has what to type into its page, and what the firewall has",
  async (setting) => {
    await withoutRouter(setting);
    const { code, stdout, stderr } = await setting.run([...OPEN, "--external", "30000"]);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /^opened shop\/game \(25565\/tcp\) to any \(nftables\): set$/m);
    assert.match(stderr, /^failed: port 25565\/tcp is not open: The router 192\.168\.1\.1 does not answer$/m);
    assert.match(
      stderr,
      /\n\nRouter sheet\n[\s\S]*External port \(WAN, public\): 30000\n.*192\.168\.1\.10\n.*: 25565\n/,
    );
  },
);

commandTest("the sheet is in the language of --lang, or of the locale", async (setting) => {
  await withoutRouter(setting);
  const ja = /宛先ポート: 25565/;
  assert.match((await setting.run([...OPEN, "--lang", "ja"])).stderr, ja);
  assert.match((await setting.run(OPEN, { env: { LANG: "ja_JP.UTF-8" } })).stderr, ja);
  assert.doesNotMatch((await setting.run([...OPEN, "--lang", "en"], { env: { LANG: "ja_JP.UTF-8" } })).stderr, ja);
});

commandTest("--html writes the sheet as a page, and --json has it", async (setting) => {
  await withoutRouter(setting);
  await using folder = await temporaryFolder();
  const file = `${folder.path}/router.html`;
  const { code, stderr } = await setting.run([...OPEN, "--html", file]);
  assert.equal(code, 1);
  assert.ok(stderr.endsWith(`the same as a page to print: ${file}\n`), stderr);
  assert.match(await Deno.readTextFile(file), /^<!doctype html>[\s\S]*25565/);
  const nowhere = await setting.run([...OPEN, "--html", `${folder.path}/no/router.html`]);
  assert.match(nowhere.stderr, /^portd: Cannot write the router sheet to .*: there is no such file or folder$/m);
  const { sheet, shortcomings } = JSON.parse((await setting.run([...OPEN, "--json"])).stdout);
  assert.deepEqual([sheet.language, shortcomings.length, sheet.parts.length > 2], ["en", 1, true]);
});

commandTest(
  "there is no sheet where a router answers, where all was taken back, or behind no router",
  async (setting) => {
    await withoutRouter(setting);
    assert.doesNotMatch((await setting.run([...OPEN, "--all-or-nothing"])).stderr, /Router sheet/);
    setting.daemon.machine.network = { ...setting.daemon.machine.network, internet: { ipv4: null, ipv6: null } };
    const { stderr } = await setting.run(OPEN);
    assert.match(stderr, /^note: Cannot make the router sheet: this machine has no way to the internet by IPv4/m);
    answerEach(setting.daemon, {}, { ipv4: ROUTER });
    const { code, stderr: opened } = await setting.run(OPEN);
    assert.deepEqual([code, /Router sheet/.test(opened)], [0, false]);
  },
);
