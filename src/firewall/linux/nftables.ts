/** nftables, where no other program governs the host's firewall. Rules are set through `nft -j`; nft_ruleset.ts says which. */
import { openLibc } from "../../os/linux/libc.ts";
import { Procfs } from "../../os/linux/procfs.ts";
import type { Program } from "../../os/program.ts";
import type { BackendOptions, FirewallBackend, FirewallReading } from "../backend.ts";
import { type InterfaceAddress, onLinkNetworks } from "../networks.ts";
import { type Difference, sizeOf } from "../rule.ts";
import { parseRuleset } from "./nft_json.ts";
import {
  commandsFor,
  countForeign,
  dropsByDefault,
  neededRule,
  type NftView,
  readRules,
  viewOf,
} from "./nft_ruleset.ts";
import { runTool, unavailable } from "./tool.ts";

/** Where nft is on Debian, Fedora and their kin. */
export const NFT: Program = ["/usr/sbin/nft"];

/** Options of {@linkcode NftablesBackend}. */
export interface NftablesOptions extends BackendOptions {
  /** Runs nft. @default NFT */
  readonly nft?: Program;
  /** The addresses of this machine. @default Deno.networkInterfaces */
  readonly interfaces?: () => readonly InterfaceAddress[];
  /** After so long a call of nft is ended. @default 60_000 */
  readonly timeoutMs?: number;
  /** The file in which the kernel names the tables of iptables' old kind. @default "/proc/net/ip_tables_names" */
  readonly legacyTables?: string;
}

const READ = "read the firewall", CHANGE = "change the firewall";

/** See {@linkcode FirewallBackend}. Each change is one transaction. */
export class NftablesBackend implements FirewallBackend {
  readonly name = "nftables";
  readonly #options: Required<NftablesOptions>;
  readonly #procfs = new Procfs(openLibc());

  constructor(
    {
      owner,
      nft = NFT,
      interfaces = Deno.networkInterfaces,
      timeoutMs = 60_000,
      legacyTables = "/proc/net/ip_tables_names",
    }: NftablesOptions,
  ) {
    this.#options = { owner, nft, interfaces, timeoutMs, legacyTables };
  }

  async read(): Promise<FirewallReading> {
    const view = await this.#view();
    return {
      rules: readRules(view),
      foreign: countForeign(view),
      remarks: [...remarksOn(view), ...this.#remarksOnLegacy()],
      needed: (rule) => neededRule(view, rule),
    };
  }

  async apply(difference: Difference): Promise<void> {
    if (sizeOf(difference) === 0) return;
    const commands = commandsFor(await this.#view(), difference);
    if (commands.length > 0) await this.#nft(["-j", "-f", "-"], CHANGE, JSON.stringify({ nftables: commands }));
  }

  close(): void {}

  async #view(): Promise<NftView> {
    const { owner, interfaces } = this.#options;
    // Without the elements of named sets, of which there may be a million.
    const ruleset = parseRuleset(parseJson(await this.#nft(["-j", "-t", "list", "ruleset"], READ)));
    if (ruleset === undefined) throw unavailable(READ, "what nft answered is no ruleset");
    return viewOf({ ruleset, owner, local: onLinkNetworks(interfaces()) });
  }

  async #nft(args: readonly string[], intent: string, input = ""): Promise<string> {
    const { nft, timeoutMs } = this.#options;
    const { code, stdout, stderr } = await runTool(nft, args, { input, intent, timeoutMs });
    if (code === 0) return stdout;
    const reason = stderr.trim().split("\n")[0]!.trim();
    throw unavailable(
      intent,
      /not permitted|must be root|Permission denied/i.test(stderr)
        ? "nft needs root, or the capability CAP_NET_ADMIN"
        : `nft ended with exit code ${code}${reason === "" ? "" : `: ${reason}`}`,
    );
  }

  /** Tables of iptables' old kind are not nftables', and nft does not show them. */
  #remarksOnLegacy(): string[] {
    const tables = linesOf(this.#procfs, this.#options.legacyTables);
    if (tables.length === 0) return [];
    return ["iptables-legacy has rules on this machine, which nft cannot see: they may drop what portd opens"];
  }
}

function remarksOn(view: NftView): string[] {
  if (dropsByDefault(view, "in")) return [];
  return ["nftables does not drop what comes in: a rule is made only for a port that one of its chains drops by name"];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw unavailable(READ, "what nft answered is no JSON", error);
    throw error;
  }
}

/** Without the module there is no such file, and without root it may not be read. */
function linesOf(procfs: Procfs, path: string): string[] {
  return (procfs.read(path) ?? "").split("\n").filter((line) => line !== "");
}
