/** `exclude`: reserving a port by netsh, as `portd service install --reserve-pool` does. */
import type { Holds } from "../../hold/hold.ts";
import { parseExcludedRanges } from "../../os/ports.ts";
import { runNetsh } from "../../os/windows/netsh.ts";
import type { FilesWithAcl } from "../../service/windows/acl.ts";
import { freePort, isFree } from "../bind.ts";
import { leave } from "../child.ts";
import { fail, type Item, type Outcome, skipped, verdict } from "../self_test.ts";
import { inPrivateFolder, readNote } from "./private_folder.ts";

/** In the private folder, before the port is excluded: the port. */
const NOTE = "excluded-port";

/** What the item works with. */
export interface ExclusionParts {
  readonly tag: string;
  readonly files: FilesWithAcl;
  readonly holds: Holds;
}

/** The item. */
export function exclusionItem(parts: ExclusionParts): Item {
  return {
    id: "exclude",
    does: "reserve one free TCP port for IPv4 until the next restart of Windows (netsh), and give it back",
    run: () => inPrivateFolder(parts, (folder) => testExclusion(folder, parts.holds)),
  };
}

async function testExclusion(folder: string, holds: Holds): Promise<Outcome> {
  const port = freePort(holds, "tcp");
  leave(folder, NOTE, String(port));
  try {
    const added = await netsh("add", port);
    const [ipv4, ipv6] = [await rangesOf("ipv4"), await rangesOf("ipv6")];
    const isListed = ipv4.ranges.some(({ first, last }) => first <= port && port <= last);
    const value = { exitCode: added.code, ipv4, ipv6, bindable: isFree(holds, port, "tcp") };
    if (ipv4.text.trim() === "" && added.code === 0) return skipped("netsh prints nothing", value);
    if (added.code !== 0) return fail("netsh refuses to exclude a free port", value);
    return verdict(isListed ? [] : ["the excluded port is not listed"], value);
  } finally {
    await giveBack(port);
  }
}

/** Gives back the port that a killed run has excluded. */
export async function undoExclusion(folder: string): Promise<void> {
  const [port] = /^[1-9]\d{3,4}$/.exec(readNote(folder, NOTE) ?? "") ?? [];
  if (port !== undefined) await giveBack(Number(port));
}

/** Gives a port back, if it is excluded. @throws {Error} when it is excluded afterwards too. */
async function giveBack(port: number): Promise<void> {
  const { code } = await netsh("delete", port);
  const { ranges } = await rangesOf("ipv4");
  const isListed = ranges.some(({ first, last }) => first === port && last === port);
  if (isListed) throw new Error(`Cannot give back TCP port ${port}: netsh ended with exit code ${code}`);
}

async function netsh(verb: "add" | "delete", port: number) {
  const range = ["protocol=tcp", `startport=${port}`, "numberofports=1", "store=active"];
  return await runNetsh(["int", "ipv4", verb, "excludedportrange", ...range]);
}

async function rangesOf(family: "ipv4" | "ipv6") {
  const { stdout: text } = await runNetsh(["int", family, "show", "excludedportrange", "protocol=tcp"]);
  return { text, ranges: parseExcludedRanges(text) };
}
