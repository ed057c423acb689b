/**
 * Judges what a check has found, layer after layer: host_layers.ts and
 * router_layers.ts have the layers, this file puts them together. Pure.
 */
import type { CheckAnswer } from "../checker/checker.ts";
import type { Family } from "../gateway/gateway.ts";
import type { ReachFacts } from "./facts.ts";
import { hostLayers } from "./host_layers.ts";
import { ownAddress } from "./own_address.ts";
import type { ExternalAddress, Layer, LayerResult, ReachReport } from "./reach.ts";
import { hasPublicAddress, routerLayers } from "./router_layers.ts";

/** Judges from the inside; what a checker says comes later, by {@linkcode withOutside}. */
export function judge(facts: ReachFacts): ReachReport {
  const host = hostLayers(facts);
  const layers = facts.from === "lan" ? host : [...host, ...routerLayers(facts, host)];
  const { port, protocol, family, from } = facts;
  return { port, protocol, family, from, layers, ...conclude(layers), external: externalOf(facts) };
}

/** What a checker has said, or why it could not be asked. */
export interface OutsideFact {
  readonly url: string;
  readonly answer: CheckAnswer | null;
  /** Why there is no answer; null where there is one. */
  readonly failure: string | null;
  /** Whether a temporary listener of ours was there. */
  readonly isOurs: boolean;
}

/** The same report with what was seen from outside, which decides. */
export function withOutside(report: ReachReport, fact: OutsideFact): ReachReport {
  const layers = [...report.layers, outsideLayer(report, fact)];
  const { answer } = fact;
  const external = answer?.open ? { address: answer.address, port: answer.port } : report.external;
  return { ...report, layers, ...conclude(layers), external };
}

/** From outside it is open whatever else seems to be wrong; else the innermost layer that fails is the one to mend. */
function conclude(layers: readonly LayerResult[]): Pick<ReachReport, "verdict" | "broken"> {
  const isOpen = layers.some(({ layer, result }) => layer === "outside" && result === "ok");
  if (isOpen) return { verdict: "open", broken: null };
  const broken = layers.find(({ result }) => result === "fail")?.layer ?? null;
  return { verdict: broken === null ? "unproven" : "closed", broken };
}

function externalOf(facts: ReachFacts): ExternalAddress {
  const { mapping, gateway, line, port, family } = facts;
  if (family === "ipv6" || facts.from === "lan" || hasPublicAddress(facts)) return { address: ownAddress(facts), port };
  const address = mapping?.external?.address ?? gateway?.externalAddress ?? line?.externalAddress ?? null;
  return { address, port: mapping?.external?.port ?? mapping?.wantedPort ?? port };
}

function outsideLayer(report: ReachReport, { url, answer, failure, isOurs }: OutsideFact): LayerResult {
  const layer: Layer = "outside";
  if (answer === null) return { layer, result: "unknown", reason: failure ?? `${url} was not asked`, next: null };
  const at = text(answer), by = `the checker ${url}`;
  if (answer.open && (answer.answered || !isOurs)) {
    const who = answer.answered
      ? "portd's listener here answered"
      : "somebody answered; --listen proves that it is here";
    return { layer, result: "ok", reason: `${by} reached ${at} in ${answer.elapsedMs} ms: ${who}`, next: null };
  }
  if (answer.open) {
    const reason = `${by} reached somebody at ${at}, and not portd's listener on this machine`;
    return { layer, result: "fail", reason, next: "find out where the router leads that port" };
  }
  const { address: expected } = report.external;
  const reason = `${by} did not reach ${at}: ${WORDS[answer.outcome]}`;
  if (expected === null || expected === answer.address) {
    const isAlone = report.layers.every(({ result }) => result !== "fail");
    const next = isAlone && report.from === "internet"
      ? "have the router asked for its mappings again: portd gateway sync"
      : null;
    return { layer, result: "fail", reason: `${reason}${notKnown(report)}`, next };
  }
  return elsewhere(report.family, { reason, expected, seen: answer.address });
}

/** The checker dials whoever asks it: that may be another address than the one that is open. */
function elsewhere(
  family: Family,
  { reason, expected, seen }: { readonly reason: string; readonly expected: string; readonly seen: string },
): LayerResult {
  if (family === "ipv6") {
    const other = `${reason}; that is not ${expected}, the address that is to be reached, so this proves nothing`;
    return { layer: "outside", result: "unknown", reason: other, next: null };
  }
  const other =
    `${reason}; the internet sees this machine at ${seen}, and not at ${expected}: something else translates ` +
    "addresses on the way, such as another router, a carrier or a VPN";
  return { layer: "outside", result: "fail", reason: other, next: "portd line --stun" };
}

/** Where nothing inside fails, the layers of which nothing is known are where to look. */
function notKnown({ layers }: ReachReport): string {
  if (layers.some(({ result }) => result === "fail")) return "";
  const names = layers.filter(({ layer, result }) => result === "unknown" && layer !== "hairpin").map(({ layer }) =>
    layer
  );
  return names.length === 0 ? "; all that can be seen from here is in order" : `; not known is: ${names.join(", ")}`;
}

const WORDS: Readonly<Record<CheckAnswer["outcome"], string>> = {
  open: "it is open",
  refused: "the connection is refused there",
  silent: "nothing comes back, as where a firewall drops packets",
  unreachable: "a router on the way says that it cannot be reached",
};

function text({ address, port }: CheckAnswer): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
