import assert from "node:assert/strict";
import { openLinuxParts } from "../../src/os/linux/linux.ts";
import {
  joinEphemeral,
  mayBindPrivileged,
  parseExcludedRanges,
  parseFirstAndLast,
  parsePortList,
  parseStartAndCount,
  readOsPorts,
} from "../../src/os/ports.ts";
import { linuxTest } from "../support/linux_only.ts";

const ENGLISH = `
Protocol tcp Port Exclusion Ranges

Start Port    End Port
----------    --------
      5357        5357
     49681       49780
     50000       50059     *

* - Administered port exclusions.

`;
const JAPANESE = `\r
プロトコル tcp ポート除外の範囲\r
\r
開始ポート    終了ポート\r
----------    --------\r
      2869        2869\r
     50000       50059     *\r
\r
* - 管理されたポート除外。\r
`;

Deno.test("parseExcludedRanges() reads netsh's numbers and stars in any language", () => {
  assert.deepEqual(parseExcludedRanges(ENGLISH), [
    { first: 5357, last: 5357, administered: false },
    { first: 49681, last: 49780, administered: false },
    { first: 50000, last: 50059, administered: true },
  ]);
  assert.deepEqual(parseExcludedRanges(JAPANESE).map(({ first, administered }) => [first, administered]), [
    [2869, false],
    [50000, true],
  ]);
  assert.deepEqual(parseExcludedRanges("  70000 80000\r\n 20 10\r\nError 5 5 5\r\n"), []);
});

Deno.test("parsePortList() reads ip_local_reserved_ports", () => {
  assert.deepEqual(parsePortList("8080,9000-9010\n"), [{ first: 8080, last: 8080 }, { first: 9000, last: 9010 }]);
  assert.deepEqual(parsePortList("\n"), []);
});

linuxTest("readOsPorts() reads what this kernel hands out, keeps back and leaves to everybody", async () => {
  const { ephemeral, reserved, excluded, unprivilegedFrom } = await readOsPorts(openLinuxParts().procfs);
  const read = async (name: string) => (await Deno.readTextFile(`/proc/sys/net/ipv4/${name}`)).trim();
  const [first, last] = (await read("ip_local_port_range")).split(/\s+/).map(Number);
  assert.deepEqual(ephemeral, { first, last });
  assert.equal(unprivilegedFrom, Number(await read("ip_unprivileged_port_start")));
  assert.deepEqual(reserved, parsePortList(await read("ip_local_reserved_ports")));
  assert.deepEqual(excluded, []);
});

Deno.test("mayBindPrivileged() reads on Linux whether the process has the capability, whoever it is", () => {
  const may = (status: string | undefined) => mayBindPrivileged({ read: () => status });
  const line = (effective: string) => `Name:\tportd\nCapPrm:\t000001ffffffffff\nCapEff:\t${effective}\nCapBnd:\t0\n`;
  assert.deepEqual(
    ["000001ffffffffff", "0000000000000400", "0000000000000000", "000001fffffffbff"].map(line).map(may),
    [true, true, false, false],
  );
  assert.equal(may(undefined), false);
});

Deno.test("parseFirstAndLast() takes two ports and nothing else", () => {
  assert.deepEqual(parseFirstAndLast("32768\t60999\n"), { first: 32768, last: 60999 });
  for (const text of ["", "1", "9 1", "0 10", "1 65536", "words"]) assert.equal(parseFirstAndLast(text), undefined);
});

Deno.test("parseStartAndCount() reads netsh in any language", () => {
  const english =
    "\r\nProtocol tcp Dynamic Port Range\r\n---------------------------------\r\nStart Port      : 49152\r\nNumber of Ports : 16384\r\n";
  const japanese =
    "\r\nプロトコル tcp の動的ポートの範囲\r\n---------------------------------\r\n開始ポート      : 1024\r\nポート数        : 64511\r\n";
  assert.deepEqual(parseStartAndCount(english), { first: 49152, last: 65535 });
  assert.deepEqual(parseStartAndCount(japanese), { first: 1024, last: 65534 });
  assert.equal(parseStartAndCount("The following command was not found: 4 6"), undefined);
});

Deno.test("parseStartAndCount() wants the last number of two lines, whatever is before it", () => {
  const chinese = "\r\n协议 tcp 动态端口范围\r\n----------\r\n启动端口：49152\r\n端口数：16384\r\n";
  const numbered = "Port 1 range\nFirst of 2 : 10000\nCount of 2 : 100\n";
  assert.deepEqual(parseStartAndCount(chinese), { first: 49152, last: 65535 });
  assert.deepEqual(parseStartAndCount(numbered), { first: 10000, last: 10099 });
  assert.equal(parseStartAndCount("One : 1\nTwo : 2\nThree : 3\n"), undefined);
});

Deno.test("joinEphemeral() has each range once, and warns of those that it does not know", () => {
  const usual = { first: 49152, last: 65535 }, low = { first: 10000, last: 20000 };
  const same = ["tcp over ipv4", "tcp over ipv6"].map((name) => ({ name, range: usual }));
  assert.deepEqual(joinEphemeral(same), { ephemeral: usual, otherEphemeral: [] });
  const mixed = joinEphemeral([{ name: "tcp over ipv4", range: low }, { name: "udp over ipv6", range: undefined }]);
  assert.deepEqual([mixed.ephemeral, mixed.otherEphemeral], [low, [usual]]);
  assert.match(mixed.warnings!.join(), /not known for udp over ipv6: 49152-65535 is assumed/);
});
