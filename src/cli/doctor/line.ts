/** Doctor's check of the line. Pure. */
import type { Lease } from "../../client/client.ts";
import type { Line } from "../../client/wire.ts";
import { verdictText } from "../line/line_text.ts";

/** What is good to know of the line; a warning where a lease wants the router and the line cannot have what it wants. */
export function checkLine(line: Line | undefined, leases: readonly Lease[]): ["ok" | "note" | "warning", string][] {
  if (line === undefined) return [];
  const { verdict, reason, usable, doubts } = line;
  const wanting = leases.filter(({ exposure }) => exposure?.gateway?.ipv4);
  const text = `${verdictText(line)}. ${[reason, ...doubts].join(". ")}`;
  if (verdict === "unrestricted") return [["ok", text]];
  if (verdict === "unknown" && wanting.length === 0) return [["ok", "not looked at, and no lease wants the router"]];
  const isBad = verdict === "shared" || verdict === "double-nat";
  if (wanting.length === 0 || !isBad) return [["note", text]];
  const advice = usable !== null
    ? "open the port by IPv6: portd open NAME --router --ipv6"
    : verdict === "double-nat"
    ? "have the router in front forward the port too"
    : "see more with: portd line --stun";
  return [["warning", `${text}; ${advice}`]];
}
