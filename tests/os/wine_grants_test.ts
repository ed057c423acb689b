/** On Windows a port in use is never granted: portd's own daemon by Deno for Windows, under Wine. */
import assert from "node:assert/strict";
import type { Sharing } from "../../src/os/windows/bound_socket.ts";
import { MINGW } from "../support/os/firewall_com_server.ts";
import { obtainHangingTool } from "../support/os/hanging_tool.ts";
import { osTest, tools } from "../support/os/requirement.ts";
import { FLAGS, portdWords, Wine } from "../support/os/wine.ts";
import type { BesideRow, GrantRow, RunRow, ToolsRow } from "../support/os/wine_grants.ts";
import { WINE } from "../support/os/wine_root.ts";
import { documentedResult } from "../support/winsock.ts";

const LAN = "192.0.2.7/24", LINK_LOCAL = "fe80::7/64";

osTest(
  "on Windows a port in use is never granted, and is free again afterwards",
  [...WINE, MINGW, tools("ip")],
  async (t) => {
    await using wine = await Wine.start({ ownAddresses: [LAN, LINK_LOCAL] });
    await wine.replaceTool("netsh.exe", await obtainHangingTool());
    await wine.compile();
    const args = ["run", ...FLAGS, wine.path("tests/support/os/wine_grants.ts"), ...await portdWords()];
    const { code, stdout, stderr } = await wine.deno(args, {
      env: { WINEDLLOVERRIDES: "netsh.exe=n" },
      leavesAnother: true,
    });
    assert.equal(code, 0, stderr);
    const lines: readonly (GrantRow | BesideRow | RunRow | ToolsRow)[] = stdout.trim().split("\n").map((line) =>
      JSON.parse(line)
    );
    const rows = lines.filter((line) => "kind" in line), beside = lines.filter((line) => "kept" in line);
    await t.step("whatever its address, protocol and options are", () => assertNeverGranted(rows));
    await t.step("Wine refuses more than Windows beside a specific address", () => assertWineRefusesMore(rows));
    const runs = lines.filter((line) => "started" in line);
    await t.step("portd run starts again when Windows denies access to its port", () => assertStartedAgain(runs));
    const tools = lines.filter((line) => "called" in line);
    await t.step("a netsh.exe that never answers has delayed nothing", () => assertNotDelayed(tools));
    await t.step("what binds beside a socket that is kept is known", () => assertBeside(beside));
  },
);

function assertNeverGranted(rows: readonly GrantRow[]): void {
  assert.equal(rows.length, 2 * 8 * 3); // protocols, addresses, options
  for (const { kind, port, error, byNumber, byRange, byName, byPreference, byNumberAfter, byRangeAfter } of rows) {
    assert.equal(error, undefined, kind);
    assert.deepEqual({ byNumber, byRange }, { byNumber: "port_in_use", byRange: "pool_exhausted" }, kind);
    for (const other of [byName, byPreference]) assert.ok(typeof other === "number" && other !== port, kind);
    assert.deepEqual([byNumberAfter, byRangeAfter], [port, port], kind);
  }
}

/** The command could bind its port although portd run kept it until then, so it was let go. */
function assertStartedAgain(runs: readonly RunRow[]): void {
  const [{ started, code, stderr }] = runs as [RunRow];
  assert.deepEqual([started.length, new Set(started).size, code], [2, 2, 0], stderr);
  assert.match(stderr, /^portd: something else listens on the port of \S*web.*; starting again with another port/m);
}

/** Had the daemon waited until it gave the tool up, it would have warned of that when it had started. */
function assertNotDelayed(rows: readonly ToolsRow[]): void {
  assert.deepEqual(rows, [{ called: true, warnings: [] }]);
}

/**
 * The rows of Microsoft's table in which Wine differs for these sockets. By the table a wildcard bind without options
 * succeeds beside a listener on a specific address, under Wine it is refused: there the probe of before would not have
 * overlooked these listeners, so tests/hold/windows_holds_test.ts has the table itself.
 */
function assertWineRefusesMore(rows: readonly GrantRow[]): void {
  const specific = rows.filter(({ kind }) => !/ (0\.0\.0\.0|::|:: dual) /.test(kind));
  assert.equal(specific.length, 2 * 5 * 3);
  const documented = documentedResult(
    { sharing: "default", isWildcard: false },
    { sharing: "default", isWildcard: true },
  );
  assert.equal(documented, 0);
  for (const { kind, plain } of specific) assert.ok(plain!.some((error) => error !== 0), kind);
}

/** Compares with Microsoft's table whether a server can bind; which of two errors refuses it is left open there. */
function assertBeside(rows: readonly BesideRow[]): void {
  const differences = rows.flatMap(({ kept, beside }) =>
    Object.entries(beside).flatMap(([server, error]) => {
      const [, address, sharing] = /^(.+) (\w+)$/.exec(server)!;
      const first = { sharing: kept as Sharing, isWildcard: true };
      const isWildcard = ["0.0.0.0", "::", ":: dual"].includes(address!);
      const documented = documentedResult(first, { sharing: sharing as Sharing, isWildcard });
      return (documented === 0) === (error === 0) ? [] : [`${kept}: ${server}`];
    })
  );
  // Under Wine a dual-stack socket that is bound and does not listen leaves IPv4 to others, unless it is exclusive.
  assert.deepEqual(differences, [
    "default: 0.0.0.0 default",
    "default: 0.0.0.0 reuse",
    "default: 0.0.0.0 exclusive",
    "reuse: 0.0.0.0 default",
    "reuse: 0.0.0.0 exclusive",
  ]);
}
