/** Which firewall governs this host: the dispatcher of the backends. */
import { PortdError } from "../errors.ts";
import type { FirewallBackend, FirewallBackendName, FirewallReading } from "./backend.ts";
import { openLinuxFirewall } from "./linux/open.ts";
import { WindowsFirewall } from "./windows/backend.ts";

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
  if (backend === "none") return new NoFirewall('"firewall.backend" is none');
  if (os === "windows" && (backend === "auto" || backend === "windows")) {
    return WindowsFirewall.open({ owner, listeners });
  }
  if (os === "linux" && backend !== "windows") return await openLinuxFirewall({ owner, firewall: backend });
  return new NoFirewall(`portd knows no firewall of ${os}${backend === "auto" ? "" : ` named ${backend}`}`);
}

/** The backend of a host without a firewall. */
class NoFirewall implements FirewallBackend {
  readonly name = "none";
  readonly #reason: string;

  constructor(reason: string) {
    this.#reason = reason;
  }

  read(): Promise<FirewallReading> {
    return Promise.reject(new PortdError("firewall_unavailable", `Cannot read the firewall: ${this.#reason}`));
  }
}

/** See `BackendOptions`: a state folder has the same owner after a restart, and no other folder has it. */
async function ownerOf(stateDir: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(stateDir));
  return new Uint8Array(digest).subarray(0, 4).reduce((text, byte) => text + byte.toString(16).padStart(2, "0"), "");
}
