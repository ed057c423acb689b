/** What the dashboard shows beside the leases, in one answer: it is asked for again and again. */
import type { Services } from "../../src/daemon/daemon.ts";
import type { Overview } from "./data.ts";

/** What an {@linkcode overviewOf} is made from. */
export type OverviewParts = Pick<Services, "status" | "firewall" | "mapper" | "line">;

/** Everything but leases and listeners, as it is known now. */
export async function overviewOf({ status, firewall, mapper, line }: OverviewParts): Promise<Overview> {
  const known = await line.read();
  const rules = firewall.rules().map(({ protocol, port, state }) => ({ protocol, port, state }));
  return { status: status(), firewall: { backend: firewall.backend, rules }, gateway: mapper.status(), line: known };
}
