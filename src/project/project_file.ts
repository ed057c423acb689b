/** portd.yaml: the services of a project, and the environment variables for their ports. */
import type { ServiceRequest } from "../client/wire.ts";
import { PortdError } from "../errors.ts";
import { HOLD_KINDS } from "../hold/hold.ts";
import { isPort, portExpected, type Protocol, PROTOCOLS, RANGE_EXPECTED, readRange } from "../port/port.ts";
import { readBounded } from "../state/own_file.ts";
import { closest } from "../suggest.ts";
import { parseYamlMap, type YamlEntry } from "../yaml_document.ts";
import { portVariable } from "./project.ts";

/** One service of the file. */
export interface ServiceEntry {
  readonly request: ServiceRequest;
  /** The environment variable for its port. */
  readonly variable: string;
}

interface Field {
  readonly expected: string;
  /** @returns the part of the request; `undefined` for a value that is not allowed. */
  readonly read: (value: unknown) => Partial<ServiceRequest> | { readonly variable: string } | undefined;
}

const FIELDS: Readonly<Record<string, Field>> = {
  env: {
    expected: "the name of an environment variable like PORT",
    read: (value) => isText(value, /^[A-Za-z_][A-Za-z0-9_]*$/) ? { variable: value } : undefined,
  },
  port: { expected: portExpected(), read: (value) => isPort(value) ? { port: value } : undefined },
  prefer: {
    expected: "a port, or a list of up to 32 ports",
    read(value) {
      const ports = Array.isArray(value) ? value : [value];
      return ports.length >= 1 && ports.length <= 32 && ports.every((port) => isPort(port))
        ? { prefer: ports }
        : undefined;
    },
  },
  range: {
    expected: RANGE_EXPECTED,
    read(value) {
      const range = readRange(String(value));
      return range && { range };
    },
  },
  protocols: {
    expected: "[tcp], [udp] or [tcp, udp]",
    read: (value) => isProtocols(value) ? { protocols: value } : undefined,
  },
  hold: {
    expected: HOLD_KINDS.join(" or "),
    read(value) {
      const hold = HOLD_KINDS.find((kind) => kind === value);
      return hold && { hold };
    },
  },
};

/** Reads a portd.yaml. @throws as {@linkcode parseProjectFile} does. */
export function readServices(path: string): readonly ServiceEntry[] {
  return parseProjectFile(readBounded(path), path);
}

/**
 * Reads the text of a portd.yaml: `services: { web: { env: PORT, prefer: 5173 }, dns: { protocols: [udp] } }`. Without `env` the
 * variable is `<NAME>_PORT`.
 *
 * @param file is only named in messages.
 * @throws {PortdError} `invalid_request` with line, column and what would work.
 */
export function parseProjectFile(text: string, file: string): readonly ServiceEntry[] {
  const top = parseYamlMap(text, file);
  const unknown = top.find(({ key }) => key !== "services");
  if (unknown !== undefined) throw unknownKey(unknown, ["services"]);
  const [services] = top;
  if (services?.entries === undefined || services.entries.length === 0) {
    throw refusal(services?.where ?? file, 'must have a map "services" with at least one service');
  }
  const entries = services.entries.map(readService);
  const twice = entries.find(({ variable }, i) => entries.findIndex((other) => other.variable === variable) !== i);
  if (twice === undefined) return entries;
  const { where } = services.entries.find(({ key }) => key === twice.request.name)!;
  throw refusal(where, `${twice.variable} is the variable of another service already; give this service another "env"`);
}

function readService({ key: name, value, where, keyWhere, entries }: YamlEntry): ServiceEntry {
  if (!/^[A-Za-z0-9._+@-]{1,64}$/.test(name)) {
    throw refusal(keyWhere, `service ${JSON.stringify(name)} must be 1 to 64 of the characters A-Z a-z 0-9 . _ + @ -`);
  }
  if (entries === undefined && value !== null) {
    throw refusal(where, `service "${name}" must be a map, like { env: PORT }`);
  }
  const variable = portVariable(name);
  const { variable: given = variable, ...request } = Object.assign({}, ...(entries ?? []).map(readField));
  return { request: { name, ...request }, variable: given };
}

function readField(entry: YamlEntry): object {
  const field = Object.hasOwn(FIELDS, entry.key) ? FIELDS[entry.key] : undefined;
  if (field === undefined) throw unknownKey(entry, Object.keys(FIELDS));
  const { key, value, where } = entry;
  const part = field.read(value);
  if (part !== undefined) return part;
  throw refusal(where, `"${key}" must be ${field.expected}, got ${JSON.stringify(value)}`);
}

function unknownKey({ key, keyWhere }: YamlEntry, known: readonly string[]): PortdError {
  const near = closest(key, known);
  const hint = near === undefined ? `known: ${known.join(", ")}` : `did you mean "${near}"?`;
  return refusal(keyWhere, `there is no key "${key}" here; ${hint}`);
}

function refusal(where: string, reason: string): PortdError {
  return new PortdError("invalid_request", `Cannot use ${where}: ${reason}`, { where });
}

function isText(value: unknown, pattern: RegExp): value is string {
  return typeof value === "string" && pattern.test(value);
}

function isProtocols(value: unknown): value is Protocol[] {
  return Array.isArray(value) && value.length >= 1 && new Set(value).size === value.length &&
    value.every((protocol) => PROTOCOLS.includes(protocol));
}
