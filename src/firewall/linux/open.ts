/** Which program governs the firewall of this machine; the one place that decides it. */
import type { Program } from "../../os/program.ts";
import {
  type BackendOptions,
  type FirewallBackend,
  type FirewallBackendName,
  firewallUnavailable,
  READ,
} from "../backend.ts";
import type { Dialect } from "./dialect.ts";
import { firewalld } from "./firewalld.ts";
import { linuxFirewall } from "./firewall.ts";
import { nftables } from "./nftables.ts";
import { ufw } from "./ufw.ts";

/** Options of {@linkcode openLinuxFirewall}. */
export interface OpenLinuxOptions extends BackendOptions {
  /** `auto` takes the one that governs. @default "auto" */
  readonly firewall?: FirewallBackendName | "auto";
  /** The folder that is `/` to ufw, without a slash at its end. @default "" */
  readonly root?: string;
  /** The programs, where they are not in their usual places. */
  readonly programs?: { readonly firewallCmd?: Program; readonly nft?: Program };
}

/**
 * The firewall of this machine. firewalld governs while it runs, else ufw while it is enabled, else nftables where its
 * program is installed: rules that bypass the first two would be gone after their next reload.
 *
 * @throws {PortdError} `firewall_unavailable` when there is none of them.
 */
export async function openLinuxFirewall(
  { owner, firewall = "auto", root = "", programs: { firewallCmd, nft } = {} }: OpenLinuxOptions,
): Promise<FirewallBackend> {
  const last = nftables({ program: nft });
  const dialects: readonly Dialect<unknown>[] = [firewalld({ program: firewallCmd }), ufw({ root }), last];
  for (const dialect of dialects) {
    const isChosen = firewall === dialect.name || firewall === "auto" && await dialect.governs();
    if (isChosen) return linuxFirewall(dialect, { owner });
  }
  const reason = `firewalld does not run, ufw is not enabled, and nftables has no ${last.program[0]} here`;
  throw firewallUnavailable(READ, `${reason}; installing nftables would help`);
}
