/** portd.yaml: the services of a project, the environment variables for their ports, and what follows from the ports. */
import type { ServiceRequest } from "../client/wire.ts";
import { PortdError } from "../errors.ts";
import { HOLD_KINDS } from "../hold/hold.ts";
import { isPort, portExpected, type Protocol, PROTOCOLS, RANGE_EXPECTED, readRange } from "../port/port.ts";
import { readBounded } from "../state/own_file.ts";
import { closest } from "../suggest.ts";
import { parseYamlMap, type YamlEntry } from "../yaml_document.ts";
import { FRAMEWORK_NAMES } from "./frameworks.ts";
import { portVariable } from "./project.ts";
import { readTemplate, servicesOf, type Template } from "./template.ts";

/** One service of the file. */
export interface ServiceEntry {
  readonly request: ServiceRequest;
  /** The environment variable for its port. */
  readonly variable: string;
  /** Whether all working copies have that of the main one. */
  readonly isShared: boolean;
  /** Its address. */
  readonly url: Template;
  /** The dev server that serves it, whatever its command looks like: a name of frameworks.ts, or `none`. */
  readonly framework: string | undefined;
}

/** A variable whose value follows from ports and names. */
export interface ValueEntry {
  readonly variable: string;
  readonly value: Template;
}

/** A portd.yaml. */
export interface ProjectFile {
  readonly services: readonly ServiceEntry[];
  readonly values: readonly ValueEntry[];
}

/** The keys of the file. */
export const TOP_KEYS = ["services", "values", "share"] as const;
/** How many values a file has at most. */
const MOST_VALUES = 256;
/** How many characters of a value stand in a message. */
const LONGEST_SHOWN = 200;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** The address of a service that has no other, and of one without TCP. */
const DEFAULT_URL = "http://{host}:{port}", DEFAULT_UDP_URL = "{host}:{port}";

interface Field {
  readonly expected: string;
  /** The values that there are, where they have names. */
  readonly known?: readonly string[];
  /** @returns the part of the request; `undefined` for a value that is not allowed. */
  readonly read: (value: unknown) => Partial<ServiceRequest> | Partial<OwnFields> | undefined;
}

/** What is not part of a request. */
interface OwnFields {
  readonly variable: string;
  /** The address of a service as it stands in the file. */
  readonly url: string;
  readonly framework: string;
}

/** The fields of a service. */
export const FIELDS: Readonly<Record<string, Field>> = {
  env: {
    expected: "the name of an environment variable like PORT",
    read: (value) => isText(value, VARIABLE) ? { variable: value } : undefined,
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
  url: {
    expected: `an address like "${DEFAULT_URL}/admin"`,
    read: (value) => isText(value, /^[a-z][a-z0-9+.-]*:[^\s\p{Cc}]{1,500}$/u) ? { url: value } : undefined,
  },
  framework: {
    expected: "the name of a dev server that portd run knows, or none",
    known: FRAMEWORK_NAMES,
    read(value) {
      const framework = FRAMEWORK_NAMES.find((name) => name === value);
      return framework === undefined ? undefined : { framework };
    },
  },
};

/** Reads a portd.yaml. @throws as {@linkcode parseProjectFile} does. */
export function readProjectFile(path: string): ProjectFile {
  return parseProjectFile(readBounded(path), path);
}

/**
 * Reads the text of a portd.yaml: `services: { web: { env: PORT, prefer: 5173 }, dns: { protocols: [udp] } }`. Without `env` the
 * variable is `<NAME>_PORT`. `values: { DATABASE_URL: "postgres://localhost:{port:db}/{slot}" }` are more variables, and
 * `share: [db]` names services that all working copies share.
 *
 * @param file is only named in messages.
 * @throws {PortdError} `invalid_request` with line, column and what would work.
 */
export function parseProjectFile(text: string, file: string): ProjectFile {
  const top = parseYamlMap(text, file);
  const unknown = top.find(({ key }) => !TOP_KEYS.some((known) => known === key));
  if (unknown !== undefined) throw unknownKey(unknown, TOP_KEYS);
  const entryOf = (key: typeof TOP_KEYS[number]) => top.find((entry) => entry.key === key);
  const services = entryOf("services");
  if (services?.entries === undefined || services.entries.length === 0) {
    throw refusal(services?.where ?? file, 'must have a map "services" with at least one service');
  }
  const names = new Set(services.entries.map(({ key }) => key));
  const shared = readShare(entryOf("share"), names);
  const entries = services.entries.map((entry) => readService(entry, names, shared));
  const twice = entries.find(({ variable }, i) => entries.findIndex((other) => other.variable === variable) !== i);
  if (twice !== undefined) {
    const { where } = services.entries.find(({ key }) => key === twice.request.name)!;
    throw refusal(
      where,
      `${twice.variable} is the variable of another service already; give this service another "env"`,
    );
  }
  const taken = new Map(entries.map(({ variable, request }) => [variable, request.name]));
  return { services: entries, values: readValues(entryOf("values"), names, taken) };
}

function readShare(entry: YamlEntry | undefined, names: ReadonlySet<string>): ReadonlySet<string> {
  if (entry === undefined) return new Set();
  const { value, where } = entry;
  if (Array.isArray(value) && value.every((name) => names.has(name))) return new Set(value);
  throw refusal(where, `"share" must be a list of services of this file, got ${shown(value)}`);
}

function readValues(
  entry: YamlEntry | undefined,
  services: ReadonlySet<string>,
  taken: ReadonlyMap<string, string>,
): readonly ValueEntry[] {
  if (entry === undefined) return [];
  if (entry.entries === undefined) {
    throw refusal(entry.where, '"values" must be a map, like { HOST: "{slot}.localhost" }');
  }
  if (entry.entries.length > MOST_VALUES) throw refusal(entry.where, `"values" must be at most ${MOST_VALUES}`);
  return entry.entries.map(({ key, value, where, keyWhere }) => {
    if (!VARIABLE.test(key)) {
      throw refusal(keyWhere, `${shown(key)} must be the name of an environment variable like DATABASE_URL`);
    }
    const service = taken.get(key);
    if (service !== undefined) throw refusal(keyWhere, `${key} is the variable of the service ${service} already`);
    return { variable: key, value: templateOf(value, where, services) };
  });
}

/** @param options are those of {@linkcode readTemplate}. */
function templateOf(
  value: unknown,
  where: string,
  services: ReadonlySet<string>,
  options: { readonly isOwn?: boolean } = {},
): Template {
  const isPlain = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  if (!isPlain || /[\0\r\n]/.test(String(value))) {
    throw refusal(where, `must be a text of one line, got ${shown(value)}`);
  }
  const template = readTemplate(String(value), services, options);
  if (typeof template === "string") throw refusal(where, template);
  return template;
}

function readService(
  { key: name, value, where, keyWhere, entries }: YamlEntry,
  names: ReadonlySet<string>,
  shared: ReadonlySet<string>,
): ServiceEntry {
  if (!/^[A-Za-z0-9._+@-]{1,64}$/.test(name)) {
    throw refusal(keyWhere, `service ${shown(name)} must be 1 to 64 of the characters A-Z a-z 0-9 . _ + @ -`);
  }
  if (entries === undefined && value !== null) {
    throw refusal(where, `service ${shown(name)} must be a map, like { env: PORT }`);
  }
  const variable = portVariable(name);
  const { variable: given = variable, url: text, framework, ...request } = Object.assign(
    {},
    ...(entries ?? []).map(readField),
  );
  const url = text ?? (request.protocols?.includes("tcp") ?? true ? DEFAULT_URL : DEFAULT_UDP_URL);
  const place = entries?.find(({ key }) => key === "url")?.where ?? where;
  const address = templateOf(url, place, names, { isOwn: true });
  // An address that speaks of another address could speak of itself.
  const other = address.find((part) => typeof part !== "string" && part.what === "url");
  if (other !== undefined) throw refusal(place, '"url" cannot have {url:NAME} in it; {port:NAME} it can');
  return { request: { name, ...request }, variable: given, isShared: shared.has(name), url: address, framework };
}

/** The services of which a file's values speak, directly or by the address of one. */
export function neededBy({ services, values }: ProjectFile, names: readonly string[]): ReadonlySet<string> {
  const urls = new Map(services.map(({ request, url }) => [request.name, servicesOf(url)]));
  const direct = [...names, ...values.flatMap(({ value }) => servicesOf(value))];
  return new Set([...direct, ...direct.flatMap((name) => urls.get(name) ?? [])]);
}

function readField(entry: YamlEntry): object {
  const field = Object.hasOwn(FIELDS, entry.key) ? FIELDS[entry.key] : undefined;
  if (field === undefined) throw unknownKey(entry, Object.keys(FIELDS));
  const { key, value, where } = entry;
  const part = field.read(value);
  if (part !== undefined) return part;
  const hint = field.known === undefined ? "" : `; ${hintAt(String(value ?? ""), field.known)}`;
  throw refusal(where, `"${key}" must be ${field.expected}, got ${shown(value)}${hint}`);
}

function unknownKey({ key, keyWhere }: YamlEntry, known: readonly string[]): PortdError {
  return refusal(keyWhere, `there is no key ${shown(key)} here; ${hintAt(key, known)}`);
}

function hintAt(word: string, known: readonly string[]): string {
  const near = closest(word, known);
  return near === undefined ? `known: ${known.join(", ")}` : `did you mean "${near}"?`;
}

function refusal(where: string, reason: string): PortdError {
  return new PortdError("invalid_request", `Cannot use ${where}: ${reason}`, { where });
}

/** A value of the file in a message. The file may be a stranger's, with a value of a megabyte. */
function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN)}…`;
}

function isText(value: unknown, pattern: RegExp): value is string {
  return typeof value === "string" && pattern.test(value);
}

function isProtocols(value: unknown): value is Protocol[] {
  return Array.isArray(value) && value.length >= 1 && new Set(value).size === value.length &&
    value.every((protocol) => PROTOCOLS.includes(protocol));
}
