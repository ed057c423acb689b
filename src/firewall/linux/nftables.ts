/** nftables, where no other program governs the host's firewall. Rules are set through `nft -j`; nft_rules.ts has their form. */
import { ifThereAsync } from "../../errors.ts";
import { openLibc } from "../../os/linux/libc.ts";
import { Procfs } from "../../os/linux/procfs.ts";
import type { Program } from "../../os/program.ts";
import { firewallUnavailable, READ } from "../backend.ts";
import type { Dialect } from "./dialect.ts";
import { parseRuleset } from "./nft_json.ts";
import { entriesIn, type NftCommand } from "./nft_rules.ts";

/** Where nft is on Debian, Fedora and their kin. */
export const NFT: Program = ["/usr/sbin/nft"];

/** Options of {@linkcode nftables}. */
export interface NftablesOptions {
  /** Runs nft. @default NFT */
  readonly program?: Program | undefined;
  /** The file in which the kernel names the tables of iptables' old kind. @default "/proc/net/ip_tables_names" */
  readonly legacyTables?: string;
}

/** The dialect of nftables, which governs where its program is. A change is one transaction. */
export function nftables(
  { program = NFT, legacyTables = "/proc/net/ip_tables_names" }: NftablesOptions = {},
): Dialect<NftCommand> {
  const procfs = new Procfs(openLibc());
  return {
    name: "nftables",
    tool: "nft",
    program,
    governs: async () => (await ifThereAsync(() => Deno.stat(program[0])))?.isFile ?? false,
    async read(call, options) {
      // Without the elements of named sets, of which there may be a million.
      const ruleset = parseRuleset(parseJson(await call("-j", "-t", "list", "ruleset")));
      if (ruleset === undefined) throw firewallUnavailable(READ, "what nft answered is no ruleset");
      const entries = entriesIn(ruleset, options);
      // Without the kernel's module there is no such file, and without root it may not be read.
      const hasLegacyTables = (procfs.read(legacyTables) ?? "").trim() !== "";
      return hasLegacyTables ? { ...entries, remarks: [...entries.remarks, LEGACY_REMARK] } : entries;
    },
    callsFor: (commands) => [{ args: ["-j", "-f", "-"], input: JSON.stringify({ nftables: commands }) }],
    denial: [/not permitted|must be root|Permission denied/i, "nft needs root, or the capability CAP_NET_ADMIN"],
    errorLine: /^(.+)$/m,
  };
}

const LEGACY_REMARK = "iptables-legacy has rules on this machine, which nft cannot see: they may drop what portd opens";

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw firewallUnavailable(READ, "what nft answered is no JSON", error);
    throw error;
  }
}
