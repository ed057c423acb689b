import assert from "node:assert/strict";
import { parseFirstAndLast, parseStartAndCount, readEphemeralRange } from "../../src/os/ephemeral.ts";
import { openLibc } from "../../src/os/linux/libc.ts";
import { Procfs } from "../../src/os/linux/procfs.ts";
import { linuxTest } from "../support/linux_only.ts";

linuxTest("readEphemeralRange() reads what the kernel uses", async () => {
  const [first, last] = (await Deno.readTextFile("/proc/sys/net/ipv4/ip_local_port_range")).trim().split(/\s+/).map(
    Number,
  );
  assert.deepEqual(await readEphemeralRange(new Procfs(openLibc())), { first, last });
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
