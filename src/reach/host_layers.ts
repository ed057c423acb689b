/** The layers on this machine: who listens, on which address, whether it answers there, and the firewall. Pure. */
import { isLoopbackAddress } from "../inspect/loopback.ts";
import type { FoundListener, ReachFacts } from "./facts.ts";
import { endpointText, hasAddress, ownAddress } from "./own_address.ts";
import type { Layer, LayerResult } from "./reach.ts";

/** The first layers, from the inside out. What depends on one that fails is not known. */
export function hostLayers(facts: ReachFacts): readonly LayerResult[] {
  const listener = listenerLayer(facts);
  const bind = bindLayer(facts, listener);
  return [listener, bind, lanLayer(facts, bind), ruleLayer(facts)];
}

/** A layer that is in order. */
export function ok(layer: Layer, reason: string): LayerResult {
  return { layer, result: "ok", reason, next: null };
}

/** A layer that keeps others from the port. @param next is what to do. */
export function fail(layer: Layer, reason: string, next: string | null): LayerResult {
  return { layer, result: "fail", reason, next };
}

/** A layer of which nothing sure is known. */
export function unknown(layer: Layer, reason: string, next: string | null = null): LayerResult {
  return { layer, result: "unknown", reason, next };
}

function listenerLayer(facts: ReachFacts): LayerResult {
  const { listeners, port, protocol, isOurs } = facts, [first] = listeners;
  if (first === undefined) {
    const way = `start the server, or let portd listen during the check: ${commandOn(facts, "check", "--listen")}`;
    return fail("listener", `nobody listens on ${port}/${protocol}`, way);
  }
  return ok("listener", `${isOurs ? "portd itself, for this check," : first.who} listens on ${addressesOf(listeners)}`);
}

/** A command on the port. A name says which protocol it is, and a number does not. */
export function commandOn({ target, protocol }: Pick<ReachFacts, "target" | "protocol">, ...words: string[]): string {
  const [command, ...flags] = words;
  return ["portd", command, target, ...(protocol === "udp" && /^\d+$/.test(target) ? ["--udp"] : []), ...flags].join(
    " ",
  );
}

function bindLayer(facts: ReachFacts, listener: LayerResult): LayerResult {
  const { listeners, family } = facts, address = ownAddress(facts);
  if (listener.result === "fail") return unknown("bind", "nobody listens");
  if (address === null) return unknown("bind", "it is not known on which address it listens");
  if (listeners.some((each) => takes(each, address, family))) {
    return ok("bind", `that includes ${address}, the address of this machine on its network`);
  }
  const all = family === "ipv6" ? "[::]" : "0.0.0.0", where = addressesOf(listeners);
  const who = listeners.every((each) => isLoopbackAddress(each.address))
    ? "no other machine reaches"
    : `is not ${address}`;
  return fail(
    "bind",
    `it listens on ${where} only, which ${who}`,
    `let the server listen on ${all} (often: --host ${all})`,
  );
}

/** Whether a listener takes packets for an address. Most systems have an IPv6 wildcard take IPv4 too. */
function takes({ address }: FoundListener, own: string, family: ReachFacts["family"]): boolean {
  return address === "::" || address === own || (address === "0.0.0.0" && family === "ipv4") ||
    address === `::ffff:${own}`;
}

function addressesOf(listeners: readonly FoundListener[]): string {
  return [...new Set(listeners.map(({ address }) => address))].slice(0, 5).join(", ");
}

function lanLayer(facts: ReachFacts, bind: LayerResult): LayerResult {
  const { family, mapping, lan, port, isOurs, protocol } = facts, address = ownAddress(facts);
  if (address === null) {
    const name = family === "ipv6" ? "IPv6" : "IPv4";
    return fail("lan", `this machine has no ${name} address on a network`, "portd net");
  }
  if (!hasAddress(facts, address)) {
    const now = ownAddress({ ...facts, mapping: null });
    const where = mapping === null ? "packets for it go" : "the router leads";
    const has = now === null ? "" : `; it has ${now}`;
    const way = "portd maps the new address by itself; to keep one address: portd net";
    return fail("lan", `${where} to ${address}, which this machine does not have any more${has}`, way);
  }
  if (lan === null || bind.result !== "ok") {
    return unknown("lan", bind.result === "fail" ? "not tried" : `${bind.reason}: not tried`);
  }
  const at = endpointText(address, port);
  if (lan.outcome === "open" && (lan.answered || !isOurs)) {
    return ok("lan", `${at} answers this machine itself, whose packets to itself pass neither firewall nor network`);
  }
  if (lan.outcome === "open") {
    return fail("lan", `${at} is another program's than portd's listener`, `portd inspect ${port}`);
  }
  if (protocol === "udp" && !isOurs) {
    return unknown(
      "lan",
      "a UDP service need not answer strangers: only portd's own listener proves anything (--listen)",
    );
  }
  return fail("lan", `${at} does not answer this machine itself (${lan.outcome})`, `portd inspect ${port}`);
}

function ruleLayer(facts: ReachFacts): LayerResult {
  const { rule, needsRule, from } = facts;
  const open = commandOn(facts, "open", ...from === "internet" ? ["--router"] : []);
  if (rule === null) {
    if (needsRule === false) return ok("rule", "the host's firewall lets packets to it in, without a rule of portd's");
    if (needsRule === true) {
      return fail("rule", "the host's firewall drops packets to it, and portd has no rule for it", open);
    }
    return unknown("rule", "it is not open to others by portd, and the host's firewall was not read", open);
  }
  const whom = rule.remote.join(", ");
  if (from === "internet" && isLocal(rule.remote) && needsRule !== false) {
    const reason = `the rule lets in ${whom} only, and nobody from the internet`;
    return needsRule === null && rule.state === "not_needed"
      ? unknown("rule", reason, open)
      : fail("rule", reason, open);
  }
  const why = rule.reason === null ? "" : `: ${rule.reason}`;
  switch (rule.state) {
    case "set":
      return ok("rule", `portd's rule in the host's firewall lets in ${whom}`);
    case "not_needed":
      return ok("rule", `the host's firewall lets in ${whom} without a rule`);
    case "missing":
      return fail("rule", `portd's rule is not in the host's firewall${why}`, "portd firewall sync");
    case "failed":
      return fail("rule", `portd's rule cannot be set in the host's firewall${why}`, "portd firewall status");
    case "unknown":
      return unknown("rule", `the host's firewall cannot be read${why}`, "portd firewall status");
  }
}

function isLocal(remote: readonly string[]): boolean {
  return remote.every((one) => one === "LocalSubnet");
}
