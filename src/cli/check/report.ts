/** A report in words. Pure. */
import { addressText } from "../terminal.ts";
import type { LayerResult, ReachReport } from "../../reach/reach.ts";

/** The first line: what it comes to, and the layer that is broken. */
export function verdictText({ port, protocol, verdict, broken, layers, external, from }: ReachReport): string {
  const name = `port ${port}/${protocol}`;
  const where = external.address === null ? "" : ` at ${addressText(external.address, external.port)}`;
  const at = from === "lan" ? `${where}, for the networks of this machine` : where;
  switch (verdict) {
    case "open":
      return `${name} is open${at}`;
    case "closed":
      return `${name} is closed: ${broken}: ${layers.find(({ layer }) => layer === broken)?.reason ?? ""}`;
    case "unproven":
      return `${name} is not proven open${where}: ${missing(layers)}`;
  }
}

function missing(layers: readonly LayerResult[]): string {
  const unknown = layers.filter(({ layer, result }) => result === "unknown" && layer !== "hairpin");
  const asked = layers.find(({ layer }) => layer === "outside");
  if (asked !== undefined) return asked.reason;
  const rest = "nobody outside has tried (--via)";
  if (unknown.length === 0) return `all that can be seen from here is in order, and ${rest}`;
  return `not known is ${unknown.map(({ layer }) => layer).join(", ")}, and ${rest}`;
}

/** A line a layer, and what to do next below it. */
export function reportLines({ layers }: ReachReport): readonly { readonly head: string; readonly text: string }[] {
  return layers.flatMap(({ layer, result, reason, next }) => [
    { head: `  ${layer.padEnd(9)} ${result.padEnd(8)} `, text: reason },
    ...(next === null || result === "ok" ? [] : [{ head: `${" ".repeat(12)}next     `, text: next }]),
  ]);
}
