/**
 * The router sheet: what a person types into the page of their router where portd cannot do it itself. This file has the
 * sheet as data; words.ts has the languages, text.ts and html.ts write it. Pure.
 */
import type { NetworkFacts } from "../adapters/adapters.ts";
import { maskOf, scopeOf } from "../adapters/addresses.ts";
import { addressAsItIs, type FixedAddress } from "../adapters/fix_commands.ts";
import { quoteForSh } from "../adapters/quoting.ts";
import type { Protocol } from "../port/port.ts";
import type { Language } from "./language.ts";
import { type SheetWords, WORDS } from "./words.ts";

/** A port that is to be reached from outside. */
export interface SheetPort {
  /** The name of its lease; null where there is none. */
  readonly name: string | null;
  readonly port: number;
  readonly protocols: readonly Protocol[];
  /** The port under which the internet reaches it. */
  readonly externalPort: number;
}

/** A field of a router's page with what is to be typed into it. */
export type Field = readonly [label: string, value: string];

/** One thing to enter, field by field. */
export interface Entry {
  /** What it is for; empty where that is plain. */
  readonly title: string;
  readonly fields: readonly Field[];
}

/** A step. */
export interface Part {
  readonly title: string;
  readonly text: readonly string[];
  readonly entries: readonly Entry[];
  /** What comes after the entries, each with commands to copy. */
  readonly ways: readonly { readonly text: string; readonly commands: readonly string[] }[];
}

/** A sheet. */
export interface Sheet {
  readonly language: Language;
  readonly title: string;
  readonly subtitle: string;
  readonly text: readonly string[];
  readonly parts: readonly Part[];
}

/** What a sheet is made of. */
export interface SheetOptions {
  readonly ports: readonly SheetPort[];
  readonly facts: NetworkFacts;
  readonly language: Language;
}

/**
 * Makes a sheet.
 *
 * @throws {Error} where this machine has no IPv4 address behind a router.
 */
export function routerSheet({ ports, facts, language }: SheetOptions): Sheet {
  const fixed = addressAsItIs(facts);
  if (fixed === undefined) {
    const reason = facts.internet.ipv4 === null ? "has no way to the internet by IPv4" : "reaches it without a router";
    throw new Error(`Cannot make the router sheet: this machine ${reason}; portd net shows what there is`);
  }
  const words = WORDS[language];
  return {
    language,
    title: words.title,
    subtitle: words.subtitle(ports.map(titleOf).join(", ")),
    text: words.intro(`http://${fixed.gateway}/`),
    parts: [
      addressPart(fixed, facts, words),
      filterPart(fixed, ports, words),
      natPart(fixed, ports, words),
      checkPart(ports, words),
    ],
  };
}

function titleOf({ name, port, protocols }: SheetPort): string {
  return `${port} ${protocols.map((each) => each.toUpperCase()).join("+")}${name === null ? "" : ` (${name})`}`;
}

function addressPart(fixed: FixedAddress, { fixCommands }: NetworkFacts, { address: words }: SheetWords): Part {
  const { adapter, address, prefix, gateway, dns } = fixed;
  const origin = adapter.addresses.find((each) => each.address === address)?.origin ?? null;
  const { labels } = words;
  const fields: Field[] = [
    [labels.adapter, adapter.name],
    ...(adapter.mac === null ? [] : [[labels.mac, adapter.mac] as const]),
    [labels.address, address],
    [labels.mask, `${maskOf(prefix)} (/${prefix})`],
    [labels.gateway, gateway],
    ...(dns.length === 0 ? [] : [[labels.dns, dns.join(", ")] as const]),
  ];
  const isFixed = origin === "static", isWindows = adapter.managedBy === "Windows";
  return {
    title: words.title,
    text: [isFixed ? words.fixed(address) : origin === "dhcp" ? words.leased(address) : words.unsure(address)],
    entries: [{ title: "", fields }],
    ways: isFixed ? [] : [
      { text: words.reserve(address, adapter.mac), commands: [] },
      fixCommands.length === 0
        ? { text: words.byHand, commands: [] }
        : { text: isWindows ? words.inPowerShell : words.inTerminal, commands: fixCommands },
      { text: words.range(address), commands: [] },
    ],
  };
}

/** The filter sees a packet after its address was translated: so the ports are those of this machine. */
function filterPart({ address }: FixedAddress, ports: readonly SheetPort[], { filter: words }: SheetWords): Part {
  const { labels, values } = words;
  const fieldsOf = (protocol: string, port: number): readonly Field[] => [
    [labels.type, values.allow],
    [labels.source, "any"],
    [labels.destination, address],
    [labels.protocol, protocol],
    [labels.sourcePort, "any"],
    [labels.destinationPort, String(port)],
    [labels.direction, values.both],
  ];
  return {
    title: words.title,
    text: words.text,
    entries: entriesOf(ports, ({ port }, protocol) => fieldsOf(protocol, port)),
    ways: [],
  };
}

function natPart({ address }: FixedAddress, ports: readonly SheetPort[], { nat: words }: SheetWords): Part {
  const { labels } = words;
  const entries = entriesOf(ports, ({ port, externalPort }, protocol) => [
    [labels.protocol, protocol],
    [labels.externalPort, String(externalPort)],
    [labels.address, address],
    [labels.port, String(port)],
  ]);
  const isPublic = scopeOf(address) === "global";
  return {
    title: words.title,
    text: isPublic ? [...words.text, words.publicAddress(address)] : words.text,
    entries,
    ways: [],
  };
}

function checkPart(ports: readonly SheetPort[], { check: words }: SheetWords): Part {
  const named = ports.filter(({ name }) => name !== null).map(({ name }) =>
    `portd open ${quoteForSh(name!)} --remote any`
  );
  return {
    title: words.title,
    text: [words.save],
    entries: [],
    ways: [
      ...(named.length === 0 ? [] : [{ text: words.open, commands: named }]),
      { text: words.check, commands: ports.flatMap(checksOf) },
      { text: words.line, commands: ["portd line --stun"] },
    ],
  };
}

/** A check tries one protocol: of a number the one that is said, of a name TCP where the lease has it. */
function checksOf({ name, port, protocols }: SheetPort): readonly string[] {
  const target = name === null ? port : quoteForSh(name);
  return protocols.map((protocol) => protocol === "tcp" ? `portd check ${target}` : `portd check ${port} --udp`);
}

/** One entry a port and protocol: most pages take one protocol at a time. */
function entriesOf(
  ports: readonly SheetPort[],
  fieldsOf: (port: SheetPort, protocol: string) => readonly Field[],
): readonly Entry[] {
  return ports.flatMap((port) =>
    port.protocols.map((protocol) => ({
      title: titleOf({ ...port, protocols: [protocol] }),
      fields: fieldsOf(port, protocol.toUpperCase()),
    }))
  );
}
