/** `portd net --sheet`: of leases and of ports, in the user's language. */
import assert from "node:assert/strict";
import { lineNotes } from "../../../src/cli/net/line_facts.ts";
import { LINE } from "../../support/wire.ts";
import { commandTest } from "../../support/command_setting.ts";
import { homeNetwork } from "../../support/network.ts";
import { type CliOptions, portd } from "../../support/cli.ts";
import { temporaryFolder } from "../../support/folder.ts";

/** Runs it where no daemon is. */
async function net(args: readonly string[], env: Readonly<Record<string, string>> = { LANG: "en_GB.UTF-8" }) {
  await using folder = await temporaryFolder();
  const nobody = { PORTD_LISTEN: "127.0.0.1:1", PORTD_STATE_DIR: folder.path };
  return await portd(["net", ...args], { network: homeNetwork(), env: { ...nobody, ...env } });
}

Deno.test("portd net --sheet PORT needs no daemon, and speaks the language of the locale or of --lang", async () => {
  const english = await net(["--sheet", "25565"]);
  assert.deepEqual([english.code, english.stderr], [0, ""]);
  assert.match(english.stdout, /^Router sheet\nTo be reached from the internet: 25565 TCP\n/);
  assert.match(english.stdout, /^ +External port \(WAN, public\): 25565$/m);
  assert.match((await net(["--sheet", "25565"], { LC_ALL: "ja_JP.UTF-8" })).stdout, /^ルーター設定シート\n/);
  assert.match((await net(["--sheet", "25565", "--lang", "ja"])).stdout, /変換対象ポート: 25565/);
});

Deno.test("portd net --sheet takes protocols, another external port, and several ports", async () => {
  const { stdout } = await net(["--sheet", "25565", "--both", "--external", "4368"]);
  assert.equal(stdout.match(/External port \(WAN, public\): 4368/g)?.length, 2);
  assert.match(stdout, /\[25565 TCP\][^]*\[25565 UDP\]/);
  assert.match((await net(["--sheet", "19132", "--udp"])).stdout, /Protocol: UDP/);
  const several = await net(["--sheet", "80", "--sheet", "443"]);
  assert.match(several.stdout, /portd check 80\n +portd check 443\n/);
});

Deno.test("portd net --sheet --html is a document, with --json it is data", async () => {
  const { stdout } = await net(["--sheet", "25565", "--html"]);
  assert.match(stdout, /^<!doctype html>\n<html lang="en">/);
  const { sheet } = JSON.parse((await net(["--sheet", "25565", "--json"])).stdout);
  assert.deepEqual([sheet.language, sheet.parts.length], ["en", 4]);
});

Deno.test("a sheet that is made in WSL, or over a virtual adapter, comes with a note", async () => {
  await using folder = await temporaryFolder();
  const env = { PORTD_LISTEN: "127.0.0.1:1", PORTD_STATE_DIR: folder.path };
  const noteOf = async (options: CliOptions) => (await portd(["net", "--sheet", "80"], { env, ...options })).stderr;
  const wsl = (networking: "nat" | "mirrored") => ({
    network: homeNetwork(),
    wsl: { version: 2, networking } as const,
  });
  assert.match(await noteOf(wsl("nat")), /^note: the router of WSL is Windows itself.*with portd on Windows\n$/);
  assert.equal(await noteOf(wsl("mirrored")), "");
  assert.match(await noteOf({ network: homeNetwork({ isVirtual: true }) }), /^note: eth0 is a virtual adapter: .*\n$/);
});

Deno.test("on a terminal the sentences of an English sheet are broken at blanks, and what is to be copied is not", async () => {
  const terminal = { isTerminal: true, columns: 60, network: homeNetwork() };
  await using folder = await temporaryFolder();
  const env = { PORTD_LISTEN: "127.0.0.1:1", PORTD_STATE_DIR: folder.path };
  const { stdout } = await portd(["net", "--sheet", "25565", "--lang", "en"], { ...terminal, env });
  const long = stdout.split("\n").filter((line) => line.length > 60);
  assert.deepEqual(long.map((line) => line.trim()), homeNetwork().fixCommands);
  const japanese = await portd(["net", "--sheet", "25565", "--lang", "ja"], { ...terminal, env });
  assert.equal(japanese.stdout, (await net(["--sheet", "25565", "--lang", "ja"])).stdout);
});

commandTest("portd net --sheet NAME has the port and the protocols of the lease", async ({ run }) => {
  const leased = await run(["lease", "game", "--port", "25565", "--both"]);
  assert.equal(leased.code, 0, leased.stderr);
  const { code, stdout, stderr } = await run(["net", "--sheet", "game", "--lang", "en"]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /25565 TCP\+UDP \(.+\/game\)/);
  assert.match(stdout, /^ +portd open .+\/game --remote any$/m);
  const byPort = await run(["net", "--sheet", "25565", "--lang", "en"]);
  assert.equal(byPort.stdout, stdout);
  const missing = await run(["net", "--sheet", "nobody"]);
  assert.notEqual(missing.code, 0);
  assert.match(missing.stderr, /nobody/);
});

commandTest("portd net --sheet PORT has both leases of a port that has one for each protocol", async ({ run }) => {
  for (const words of [["game"], ["voice", "--udp"]]) {
    const leased = await run(["lease", ...words, "--port", "25565"]);
    assert.equal(leased.code, 0, leased.stderr);
  }
  const { stdout } = await run(["net", "--sheet", "25565", "--lang", "en"]);
  assert.match(stdout, /25565 TCP \(.+\/game\), 25565 UDP \(.+\/voice\)/);
  assert.match(stdout, /^ +portd check .+\/game\n +portd check 25565 --udp$/m);
  const udp = await run(["net", "--sheet", "25565", "--udp", "--lang", "en"]);
  assert.match(udp.stdout, /^To be reached from the internet: 25565 UDP \(.+\/voice\)$/m);
});

commandTest("portd net asks the daemon", async ({ daemon, run }) => {
  daemon.machine.network = homeNetwork({ name: "wlan7", kind: "wifi" });
  const { code, stdout, stderr } = await run(["net"]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^wlan7 +wifi +192\.168\.1\.10\/24 +dhcp/m);
});

Deno.test("a sheet for a port that the line cannot have comes with a note", () => {
  const port = { name: null, port: 25565, protocols: ["tcp"], externalPort: 25565 } as const;
  const [note = "", ...others] = lineNotes([port, { ...port, externalPort: 4370 }], LINE);
  assert.match(
    note,
    /^no setting of the router opens 25565: .*4368.*; make the sheet with --external 4368$|--external \d+$/,
  );
  assert.deepEqual(others, []);
  assert.deepEqual(lineNotes([port], undefined), []);
  const closed = lineNotes([port], { ...LINE, verdict: "shared", portSet: null, usable: [] });
  assert.equal(closed.length, 1);
  assert.doesNotMatch(closed[0]!, /--external/);
});

for (
  const [args, message] of [
    [["--udp"], /they belong to --sheet/],
    [["--html"], /they belong to --sheet/],
    [["--sheet", "80", "--udp", "--both"], /leave one of them out/],
    [["--sheet", "80", "--all"], /leave one of them out/],
    [["--sheet", "80", "--html", "--json"], /leave one of them out/],
    [["--sheet", "80", "--sheet", "81", "--external", "82"], /make a sheet of each/],
    [["--sheet", "web", "--udp"], /a lease has its own protocols/],
    [["--sheet", "65536"], /must be/],
    [["--sheet", "80", "--lang", "de"], /de/],
    [["--sheet", "80", "--external", "0"], /must be/],
  ] as const
) {
  Deno.test(`portd net ${args.join(" ")} is a usage error`, async () => {
    const { code, stdout, stderr } = await net(args);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, message);
  });
}
