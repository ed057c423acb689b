/** Which firewall governs this host: the dispatcher of the backends. */
import { Buffer } from "node:buffer";
import { type FirewallBackend, type FirewallBackendName, firewallUnavailable, READ } from "./backend.ts";
import { openLinuxFirewall } from "./linux/open.ts";
import { openWindowsParts, WindowsFirewall } from "./windows/backend.ts";

/** Options of {@linkcode openFirewall}. */
export interface OpenFirewallOptions {
  /** The state folder of the daemon whose rules these are. */
  readonly stateDir: string;
  /** `auto` takes the firewall that governs this host. */
  readonly backend: FirewallBackendName | "auto";
  /** The pids of the processes that listen on exposed leases. @default none */
  readonly listeners?: () => readonly number[];
}

/**
 * The firewall of this host, or a backend that says why there is none.
 *
 * @throws as the backends of each system do.
 */
export async function openFirewall(
  { stateDir, backend, listeners = () => [] }: OpenFirewallOptions,
): Promise<FirewallBackend> {
  const owner = await ownerOf(stateDir);
  const { os } = Deno.build;
  if (backend === "none") return noFirewall('"firewall.backend" is none');
  if (os === "windows" && (backend === "auto" || backend === "windows")) {
    return new WindowsFirewall(openWindowsParts(), { owner, listeners });
  }
  if (os === "linux" && backend !== "windows") return await openLinuxFirewall({ owner, firewall: backend });
  return noFirewall(`portd knows no firewall of ${os}${backend === "auto" ? "" : ` named ${backend}`}`);
}

/** The backend of a host without a firewall. */
function noFirewall(reason: string): FirewallBackend {
  return { name: "none", read: () => Promise.reject(firewallUnavailable(READ, reason)) };
}

/** See `BackendOptions`: a state folder has the same owner after a restart, and no other folder has it. */
async function ownerOf(stateDir: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(stateDir));
  return Buffer.from(digest, 0, 4).toString("hex");
}
