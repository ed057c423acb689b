/** `netsh`, and what `netstat` counts: tools of Windows whose text portd reads, or is compared with. */
import { parseExcludedRanges, parseStartAndCount } from "../../os/ports.ts";
import { outputOf } from "../../os/program.ts";
import { readNetsh } from "../../os/windows/netsh.ts";
import { system32 } from "../../os/windows/system32.ts";
import { fail, type Item, ok, skipped } from "../self_test.ts";

const LIMIT_MS = 30_000;
const FAMILIES = ["ipv4", "ipv6"] as const, PROTOCOLS = ["tcp", "udp"] as const;

/** The item: the texts of netsh beside what portd reads in them. */
export const netshItem: Item = {
  id: "netsh",
  does: "read the ephemeral range and the excluded ranges by netsh",
  async run() {
    const readings: { readonly args: string; readonly text: string; readonly parsed: unknown }[] = [];
    const unread: string[] = [];
    for (const family of FAMILIES) {
      for (const protocol of PROTOCOLS) {
        const dynamic = ["int", family, "show", "dynamicport", protocol], text = await readNetsh(...dynamic);
        const parsed = parseStartAndCount(text) ?? null;
        if (parsed === null) unread.push(dynamic.join(" "));
        readings.push({ args: dynamic.join(" "), text, parsed });
        const excluded = ["int", family, "show", "excludedportrange", `protocol=${protocol}`];
        const ranges = await readNetsh(...excluded);
        readings.push({ args: excluded.join(" "), text: ranges, parsed: parseExcludedRanges(ranges) });
      }
    }
    if (readings.every(({ text }) => text.trim() === "")) return skipped("netsh prints nothing");
    return unread.length === 0 ? ok(readings) : fail(`no range can be read from netsh ${unread.join(", ")}`, readings);
  },
};

/** The sockets that netstat lists; its words for states are in the user's language, those for protocols are not. */
export async function countByNetstat(): Promise<Readonly<Record<"tcp" | "udp", number>> | undefined> {
  const options = { timeoutMs: LIMIT_MS, intent: "count sockets" };
  const lines = (await outputOf([system32("netstat.exe")], ["-ano"], options)).split(/\r?\n/);
  const count = (word: string) => lines.filter((line) => line.trimStart().startsWith(`${word} `)).length;
  const counts = { tcp: count("TCP"), udp: count("UDP") };
  return counts.tcp + counts.udp === 0 ? undefined : counts;
}
