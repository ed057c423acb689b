/** The loop that makes the router's mappings equal to those that live exposures want. */
import type { GatewayStatus, Mapping, WantedMapping } from "./mapping.ts";

/** What a {@linkcode Mapper} is made of. */
export interface MapperParts {
  /** The mappings that are wanted at this moment. */
  readonly wanted: () => readonly WantedMapping[];
}

const NO_PROTOCOL = "portd speaks no protocol of routers on this system";

/** Keeps the router's mappings equal to the wanted ones. */
export class Mapper {
  readonly #parts: MapperParts;

  constructor(parts: MapperParts) {
    this.#parts = parts;
  }

  /** How the mappings stand. Asks the router nothing. */
  status(): GatewayStatus {
    const mappings = this.#parts.wanted().map(unmapped);
    return { ipv4: null, ipv6: null, mappings, faults: mappings.length === 0 ? [] : [NO_PROTOCOL] };
  }

  /** Makes the mappings those that are wanted. @returns how they then stand. */
  sync(): Promise<GatewayStatus> {
    return Promise.resolve(this.status());
  }
}

function unmapped({ port, lifetimeMs: _, ...wanted }: WantedMapping): Mapping {
  const internal = { address: wanted.family === "ipv4" ? "0.0.0.0" : "::", port };
  return { ...wanted, internal, external: null, state: "failed", reason: NO_PROTOCOL, via: null, expiresAt: null };
}
