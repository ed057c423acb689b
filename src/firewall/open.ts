/** Which firewall governs this host: the dispatcher of the backends. */
import type { Config } from "../config.ts";
import { PortdError } from "../errors.ts";
import type { FirewallBackend, FirewallReading } from "./backend.ts";
import { chooseLinuxBackend } from "./linux/open.ts";
import { ownerOf } from "./owner.ts";
import { WindowsFirewall } from "./windows/backend.ts";

/** A backend where there is none: everything says why. */
export class NoFirewall implements FirewallBackend {
  readonly name = "none";
  readonly #reason: string;

  constructor(reason: string) {
    this.#reason = reason;
  }

  read(): Promise<FirewallReading> {
    return Promise.reject(new PortdError("firewall_unavailable", `Cannot read the firewall: ${this.#reason}`));
  }

  apply(): Promise<void> {
    return Promise.reject(new PortdError("firewall_unavailable", `Cannot change the firewall: ${this.#reason}`));
  }

  close(): void {}
}

/**
 * The firewall of this host, or one that says why there is none.
 *
 * @param listeners tells the pids of those who listen on exposed leases.
 * @throws as the backends of each system do.
 */
export async function openFirewall(
  { stateDir, firewall: { backend } }: FirewallConfig,
  listeners: () => readonly number[],
): Promise<FirewallBackend> {
  const owner = ownerOf(stateDir);
  const { os } = Deno.build;
  if (backend === "none") return new NoFirewall('"firewall.backend" is none');
  if (os === "windows" && (backend === "auto" || backend === "windows")) {
    return WindowsFirewall.open({ owner, listeners });
  }
  if (os === "linux" && backend !== "windows") return await chooseLinuxBackend({ owner, firewall: backend });
  return new NoFirewall(`portd knows no firewall of ${os}${backend === "auto" ? "" : ` named ${backend}`}`);
}

/** What of the configuration is about the firewall. */
type FirewallConfig = Pick<Config, "stateDir" | "firewall">;
