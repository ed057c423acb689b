/** Which program governs the firewall of this machine; the one place that decides it. */
import type { Program } from "../../os/program.ts";
import type { BackendOptions, FirewallBackend } from "../backend.ts";
import { FIREWALL_CMD, FirewalldBackend, isFirewalldRunning } from "./firewalld.ts";
import { NFT, NftablesBackend } from "./nftables.ts";
import { unavailable } from "./tool.ts";
import { isUfwEnabled, UFW, UfwBackend } from "./ufw.ts";

/** The backends of Linux by name; `auto` takes the one that governs. */
export type LinuxFirewall = "auto" | "firewalld" | "ufw" | "nftables";

/** Options of {@linkcode chooseLinuxBackend}. */
export interface ChoiceOptions extends BackendOptions {
  /** @default "auto" */
  readonly firewall?: LinuxFirewall;
  /** The folder that is `/` to ufw, without a slash at its end. @default "" */
  readonly root?: string;
  /** The programs, where they are not in their usual places. */
  readonly programs?: { readonly firewallCmd?: Program; readonly ufw?: Program; readonly nft?: Program };
}

/**
 * Makes the backend of this machine. firewalld governs while it runs, else ufw while it is enabled, else nftables where
 * its program is installed: rules that were put past the first two would be gone at their next reload.
 *
 * @throws {PortdError} `firewall_unavailable` when there is none of them.
 */
export async function chooseLinuxBackend(
  { owner, firewall = "auto", root = "", programs = {} }: ChoiceOptions,
): Promise<FirewallBackend> {
  const { firewallCmd = FIREWALL_CMD, ufw = UFW, nft = NFT } = programs;
  switch (firewall === "auto" ? await governing({ firewallCmd, nft, root }) : firewall) {
    case "firewalld":
      return new FirewalldBackend({ owner, firewallCmd });
    case "ufw":
      return new UfwBackend({ owner, ufw, root });
    case "nftables":
      return new NftablesBackend({ owner, nft });
    case undefined:
      throw unavailable(
        "read the firewall",
        `firewalld does not run, ufw is not enabled, and nftables has no ${
          nft[0]
        } here; installing nftables would help`,
      );
  }
}

async function governing(
  { firewallCmd, nft, root }: { readonly firewallCmd: Program; readonly nft: Program; readonly root: string },
): Promise<Exclude<LinuxFirewall, "auto"> | undefined> {
  if (await isFirewalldRunning(firewallCmd)) return "firewalld";
  if (await isUfwEnabled(root)) return "ufw";
  return await isFile(nft[0]) ? "nftables" : undefined;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
