/** The router's table of mappings, as WANIPConnection and WANPPPConnection show it (WANIPConnection:2 section 2.5). */
import { addressBytes, addressText } from "../../os/address.ts";
import { type Protocol, readPort } from "../../port/port.ts";
import { GatewayError, type MappingRequest } from "../gateway.ts";
import type { Call } from "./calls.ts";
import { type ActionAnswer, ActionRefused } from "./soap.ts";

/** An external port of a protocol. */
export interface ExternalPort {
  readonly protocol: Protocol;
  readonly port: number;
}

/** An entry of the table. */
export interface Entry {
  readonly external: ExternalPort;
  /** Canonical text of the address that it leads to; null where the router writes a name there, or nothing. */
  readonly client: string | null;
  /** Null where it is no port. */
  readonly clientPort: number | null;
  readonly isEnabled: boolean;
  readonly description: string;
  /** How long it will last yet; 0 is without end; null where the router does not say. */
  readonly leaseS: number | null;
}

/** What is known of an external port: its entry, that it has none, or nothing. */
export type Reading = Entry | "gone" | "unknown";

/** Entries that are read of a table. */
const MOST_ENTRIES = 256;

/** Errors that say that there is no such entry; 713 is what the whole table ends with. */
const NO_ENTRY: readonly number[] = [713, 714];

/**
 * Reads one entry.
 *
 * @throws {GatewayError} `silent` where the router does not answer; every other failure is `unknown`.
 */
export async function readEntry(call: Call, external: ExternalPort): Promise<Reading> {
  const values = {
    NewRemoteHost: "",
    NewExternalPort: external.port,
    NewProtocol: external.protocol.toUpperCase(),
  };
  try {
    return entryOf(await call("GetSpecificPortMappingEntry", values), external);
  } catch (error) {
    if (!(error instanceof GatewayError) || error.fault === "silent") throw error;
    return error instanceof ActionRefused && NO_ENTRY.includes(error.code) ? "gone" : "unknown";
  }
}

/** Reads the table, entry by entry. @returns `undefined` where the router does not show all of it. */
export async function readTable(call: Call): Promise<readonly Entry[] | undefined> {
  const entries: Entry[] = [];
  for (let index = 0; index < MOST_ENTRIES; index++) {
    try {
      const answer = await call("GetGenericPortMappingEntry", { NewPortMappingIndex: index });
      const external = externalOf(answer);
      if (external !== undefined) entries.push(entryOf(answer, external));
    } catch (error) {
      if (!(error instanceof GatewayError) || error.fault === "silent") throw error;
      return error instanceof ActionRefused && NO_ENTRY.includes(error.code) ? entries : undefined;
    }
  }
}

/** Whether an entry leads to what a request asks for. */
export function isOurs(entry: Entry, { internal }: MappingRequest): boolean {
  return entry.clientPort === internal.port && isOurHost(entry, internal.address);
}

/** Whether an entry leads to an address of this host. */
export function isOurHost({ client }: Entry, address: string): boolean {
  return client !== null && client === canonical(address);
}

/** Where an entry leads, for messages. */
export function clientText({ client, clientPort }: Entry): string {
  return `${client ?? "another host"}:${clientPort ?? "?"}`;
}

function externalOf(answer: ActionAnswer): ExternalPort | undefined {
  const port = readPort(answer.get("NewExternalPort") ?? ""), protocol = answer.get("NewProtocol")?.toLowerCase();
  return port === undefined || (protocol !== "tcp" && protocol !== "udp") ? undefined : { port, protocol };
}

function entryOf(answer: ActionAnswer, external: ExternalPort): Entry {
  const lease = answer.get("NewLeaseDuration") ?? "";
  return {
    external,
    client: canonical(answer.get("NewInternalClient") ?? ""),
    clientPort: readPort(answer.get("NewInternalPort") ?? "") ?? null,
    isEnabled: !/^(0|false|no)$/i.test(answer.get("NewEnabled") ?? ""),
    description: answer.get("NewPortMappingDescription") ?? "",
    leaseS: /^\d{1,10}$/.test(lease) ? Number(lease) : null,
  };
}

function canonical(address: string): string | null {
  const bytes = addressBytes(address);
  return bytes === undefined ? null : addressText(bytes);
}

/** Deletes an entry. */
export async function deleteEntry(call: Call, { external }: Entry): Promise<void> {
  const values = {
    NewRemoteHost: "",
    NewExternalPort: external.port,
    NewProtocol: external.protocol.toUpperCase(),
  };
  try {
    await call("DeletePortMapping", values);
  } catch (error) {
    if (!(error instanceof ActionRefused && error.code === 714)) throw error; // it has ended meanwhile
  }
}
