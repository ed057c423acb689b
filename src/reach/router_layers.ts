/** The layers behind this machine: the router's mapping, the router, the line, and the way back. Pure. */
import { kindOfAddress } from "../line/address_kind.ts";
import { chooseExternalPort } from "../line/port_choice.ts";
import type { ReachFacts } from "./facts.ts";
import { commandOn, fail, ok, unknown } from "./host_layers.ts";
import { endpointText, ownAddress } from "./own_address.ts";
import type { LayerResult } from "./reach.ts";

/** The layers from the mapping on. @param host are those before. */
export function routerLayers(facts: ReachFacts, host: readonly LayerResult[]): readonly LayerResult[] {
  if (hasPublicAddress(facts)) {
    const own = `${ownAddress(facts)} is this machine's own address on the internet`;
    return [
      ok("mapping", `${own}: no router translates it`),
      ok("gateway", own),
      ok("line", `${own}: every port of it is this machine's`),
    ];
  }
  const gateway = gatewayLayer(facts), line = lineLayer(facts);
  const mapping = mappingLayer(facts, { gateway, line });
  if (facts.family === "ipv6") return [mapping, gateway, line];
  return [mapping, gateway, line, hairpinLayer(facts, host)];
}

/** Whether this machine has its IPv4 address from the internet itself. */
export function hasPublicAddress({ family, network }: Pick<ReachFacts, "family" | "network">): boolean {
  const address = network.internet.ipv4?.address;
  return family === "ipv4" && address !== undefined && kindOfAddress(address) === "public";
}

function gatewayLayer({ gateway, mapping, family, network }: ReachFacts): LayerResult {
  if (network.internet[family] === null) {
    const name = family === "ipv6" ? "IPv6" : "IPv4";
    return fail("gateway", `this machine has no way to the internet by ${name}`, "portd net");
  }
  if (gateway === null) return unknown("gateway", "the router was not asked: that takes the daemon's token");
  if (gateway.name === null) {
    const reason = gateway.fault?.reason ?? "no router answers by PCP, NAT-PMP or UPnP";
    const way = "allow UPnP or PCP in the router, or enter the port there by hand: portd net --sheet";
    return mapping === null ? unknown("gateway", reason, way) : fail("gateway", reason, way);
  }
  if (family === "ipv6") return ok("gateway", `${gateway.name} answers`);
  if (gateway.externalAddress === null) {
    const reason = gateway.fault?.reason ?? `${gateway.name} has no address on its outer side`;
    return fail("gateway", reason, "see whether the router is connected, and what it is connected to: portd line");
  }
  if (gateway.externalAddress === undefined) return ok("gateway", `${gateway.name} does not tell its outer address`);
  return ok("gateway", `${gateway.name} has the outer address ${gateway.externalAddress}`);
}

function lineLayer({ line, family, mapping, port }: ReachFacts): LayerResult {
  if (family === "ipv6") return ok("line", "by IPv6 every port of this machine's address is its own");
  const ask = "portd line --stun";
  if (line === null) return unknown("line", "nothing is known of the line", ask);
  const wanted = mapping?.external?.port ?? mapping?.wantedPort ?? port;
  const choice = chooseExternalPort(line, wanted, port);
  if (choice.port === null) return fail("line", choice.reason, choice.alternatives[0] ?? null);
  switch (line.verdict) {
    case "unrestricted":
    case "map-e":
      return ok("line", `the line has port ${wanted}: ${line.reason}`);
    case "double-nat":
    case "shared":
      return fail("line", line.reason, "open it by IPv6 (--ipv6), or have the router in front forward the port too");
    case "unknown":
      return unknown("line", line.reason, ask);
  }
}

interface Neighbours {
  readonly gateway: LayerResult;
  readonly line: LayerResult;
}

function mappingLayer(facts: ReachFacts, { gateway, line }: Neighbours): LayerResult {
  const { mapping, look, family } = facts;
  const again = commandOn(facts, "open", "--router", ...family === "ipv6" ? ["--ipv6"] : []);
  if (mapping === null) {
    const what = family === "ipv6" ? "pinhole in its firewall" : "mapping";
    return unknown("mapping", `the router is asked for no ${what}; one made by hand cannot be seen`, again);
  }
  const { reason, state } = mapping;
  if (gateway.result === "fail") return unknown("mapping", "it cannot be read back: see gateway");
  if (line.result === "fail" && state === "failed") {
    return unknown("mapping", "the router is not asked for it: see line");
  }
  const said = mappingText(facts);
  if (look === "gone") {
    return fail(
      "mapping",
      `the router has forgotten it: ${said}`,
      `portd asks for it again by itself; at once: ${again}`,
    );
  }
  if (look === "foreign") return fail("mapping", `at the router this port leads elsewhere: ${said}`, again);
  switch (state) {
    case "set":
      return ok(
        "mapping",
        look === "set" ? `the router has it: ${said}` : `the router has granted it: ${said}${unread(facts)}`,
      );
    case "making":
      return unknown("mapping", "the router is being asked for it");
    case "unusable":
      // Granted all the same: what keeps it from being used is told by the line, unless that knows nothing.
      return line.result === "fail"
        ? ok("mapping", `the router has granted it: ${said}`)
        : fail("mapping", reason ?? said, again);
    case "failed":
      return fail("mapping", reason ?? "the router has not granted it", again);
    case "leaving":
      return fail("mapping", "it is being deleted: no lease wants it any more", again);
  }
}

/** By PCP and NAT-PMP a router cannot be asked for what it has. */
function unread({ look }: ReachFacts): string {
  return look === null ? "" : "; whether it still has it cannot be read back";
}

function mappingText({ mapping, protocol }: ReachFacts): string {
  const { internal, external, via, wantedPort } = mapping!;
  const to = endpointText(internal.address, internal.port);
  if (external === null) return `${protocol} to ${to}`;
  const at = external.address === null ? `its port ${external.port}` : endpointText(external.address, external.port);
  const other = wantedPort === null || wantedPort === external.port ? "" : `, and not ${wantedPort} as asked for`;
  return `${protocol} ${at} leads to ${to}${other}${via === null ? "" : ` (${via})`}`;
}

/** Many routers do not do this: that it fails says nothing of others. */
function hairpinLayer({ hairpin, isOurs, protocol }: ReachFacts, host: readonly LayerResult[]): LayerResult {
  if (hairpin === null) {
    const broken = host.find(({ layer, result }) => layer !== "rule" && result === "fail");
    const reason = broken === undefined ? "not tried" : `not tried: see ${broken.layer}`;
    return unknown("hairpin", reason);
  }
  if (hairpin.outcome === "open" && (hairpin.answered || !isOurs)) {
    const who = hairpin.answered ? "leads back to portd's listener here" : "leads to somebody who answers";
    return ok("hairpin", `the router's outer address, asked from inside, ${who}`);
  }
  if (protocol === "udp" && !isOurs) return unknown("hairpin", "a UDP service need not answer strangers (--listen)");
  return unknown(
    "hairpin",
    "the router does not lead packets of its own network back; many do not, and others may get in",
  );
}
