/** Which program governs the firewall of this machine; the one place that decides it. */
import { ifThereAsync } from "../../errors.ts";
import type { Program } from "../../os/program.ts";
import type { BackendOptions, FirewallBackend } from "../backend.ts";
import { type Dialect, READ, unavailable } from "./dialect.ts";
import { FIREWALL_CMD, firewalld, isFirewalldRunning } from "./firewalld.ts";
import { LinuxFirewall } from "./firewall.ts";
import { NFT, nftables } from "./nftables.ts";
import { isUfwEnabled, UFW, ufw } from "./ufw.ts";

/** Options of {@linkcode openLinuxFirewall}. */
export interface OpenLinuxOptions extends BackendOptions {
  /** `auto` takes the one that governs. @default "auto" */
  readonly firewall?: "auto" | "firewalld" | "ufw" | "nftables";
  /** The folder that is `/` to ufw, without a slash at its end. @default "" */
  readonly root?: string;
  /** The programs, where they are not in their usual places. */
  readonly programs?: { readonly firewallCmd?: Program; readonly ufw?: Program; readonly nft?: Program };
}

/**
 * The firewall of this machine. firewalld governs while it runs, else ufw while it is enabled, else nftables where its
 * program is installed: rules that bypass the first two would be gone after their next reload.
 *
 * @throws {PortdError} `firewall_unavailable` when there is none of them.
 */
export async function openLinuxFirewall(
  { owner, firewall = "auto", root = "", programs = {} }: OpenLinuxOptions,
): Promise<FirewallBackend> {
  const { firewallCmd = FIREWALL_CMD, ufw: ufwProgram = UFW, nft = NFT } = programs;
  const open = <Command>(dialect: Dialect<Command>) => new LinuxFirewall(dialect, { owner });
  const isChosen = async (name: typeof firewall, governs: () => Promise<boolean>) =>
    firewall === name || (firewall === "auto" && await governs());
  if (await isChosen("firewalld", () => isFirewalldRunning(firewallCmd))) {
    return open(firewalld({ program: firewallCmd }));
  }
  if (await isChosen("ufw", () => isUfwEnabled(root))) return open(ufw({ program: ufwProgram, root }));
  if (await isChosen("nftables", () => isFile(nft[0]))) return open(nftables({ program: nft }));
  const reason = `firewalld does not run, ufw is not enabled, and nftables has no ${nft[0]} here`;
  throw unavailable(READ, `${reason}; installing nftables would help`);
}

async function isFile(path: string): Promise<boolean> {
  return (await ifThereAsync(() => Deno.stat(path)))?.isFile ?? false;
}
