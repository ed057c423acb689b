/** `portd import`: imports what `portd export` has written. */
import type { LeaseDocument } from "../../client/wire.ts";
import { PortdError } from "../../errors.ts";
import type { Lease } from "../../lease/lease.ts";
import { resolvePath } from "../../project/project.ts";
import { readBounded } from "../../state/own_file.ts";
import { parseYaml } from "../../yaml_document.ts";
import type { Having } from "../answer.ts";
import { argument, COMMON_FLAGS, defineCommand, switchFlag } from "../command.ts";
import { findDaemon } from "../daemon/find.ts";
import { Ended, EXIT } from "../exit.ts";
import { writeJson, writeLine } from "../terminal.ts";

/** Bytes of one call; the daemon accepts 64 KiB. */
const MOST_BYTES = 48 * 1024;
/** The longest export as JSON. To read YAML takes some fifty times its size in memory. */
const MOST_JSON_BYTES = 64 << 20, MOST_YAML_BYTES = 16 << 20;

const FIELDS = ["imported", "skipped"] as const;

export default defineCommand({
  answer: { fields: FIELDS },
  flags: { partial: switchFlag("Exit code 0 even if some leases are skipped"), ...COMMON_FLAGS },
  args: [argument("FILE", "YAML or JSON")],
  help:
    `Imports leases, and the ports of names, from a file that portd export has written. A lease whose port is no longer
free, or that is there already, is skipped; stderr says why, and the exit code is 1. Needs the daemon's admin token.`,
  usage: ["FILE [--partial]", { input: "leases.yaml", brief: "what portd export leases.yaml has written" }],
  async run(context, flags, file) {
    const document = readDocument(readBounded(resolvePath(context.cwd, file), MOST_JSON_BYTES), file);
    const client = await findDaemon(context, flags, { withToken: true });
    const imported: string[] = [], skipped: { id: string; code: string; detail: string }[] = [];
    for (const part of splitDocument(document, MOST_BYTES)) {
      const outcome = await client.import(part);
      imported.push(...outcome.imported);
      skipped.push(...outcome.skipped);
    }
    const { stdout, stderr } = context.process;
    if (flags.json) writeJson(stdout, { imported, skipped } satisfies Having<typeof FIELDS>);
    else {
      for (const { id, detail } of skipped) writeLine(stderr, `skipped ${id}: ${detail}`);
      writeLine(stdout, `imported ${imported.length}, skipped ${skipped.length}`);
    }
    if (skipped.length > 0 && !flags.partial) throw new Ended(EXIT.failure);
  },
});

/** Reads an export. @throws {PortdError} `invalid_request`, with line and column where the text is no YAML. */
export function readDocument(text: string, file: string): LeaseDocument {
  const document = parseJson(text) ?? readYaml(text, file);
  if (isDocument(document)) return document;
  throw new PortdError(
    "invalid_request",
    `Cannot import ${file}: it is no export of version 1, as portd export writes it`,
  );
}

/** @returns `undefined` where the text is no JSON: it may be YAML. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function readYaml(text: string, file: string): unknown {
  if (text.length <= MOST_YAML_BYTES) return parseYaml(text, file);
  throw new PortdError(
    "invalid_request",
    `Cannot import ${file}: it is YAML of more than ${MOST_YAML_BYTES} characters; export the leases as JSON`,
  );
}

function isDocument(value: unknown): value is LeaseDocument {
  const { version, leases, names = {} } = (value ?? {}) as Partial<Record<keyof LeaseDocument, unknown>>;
  return version === 1 && Array.isArray(leases) && typeof names === "object" && names !== null;
}

/** A document in parts, each at most `mostBytes` long, unless one lease or name alone is longer. */
function* splitDocument({ leases, names = {} }: LeaseDocument, mostBytes: number): Generator<LeaseDocument> {
  const items: { readonly lease?: Lease; readonly name?: readonly [string, number] }[] = [
    ...leases.map((lease) => ({ lease })),
    ...Object.entries(names).map((name) => ({ name })),
  ];
  const documentOf = (part: typeof items): LeaseDocument => ({
    version: 1,
    leases: part.flatMap(({ lease }) => lease ?? []),
    names: Object.fromEntries(part.flatMap(({ name }) => name === undefined ? [] : [name])),
  });
  const room = mostBytes - byteLength(JSON.stringify(documentOf([])));
  let part: typeof items = [], bytes = 0;
  for (const item of items) {
    const size = byteLength(JSON.stringify(item));
    if (bytes + size > room && bytes > 0) {
      yield documentOf(part);
      [part, bytes] = [[], 0];
    }
    part.push(item);
    bytes += size;
  }
  if (bytes > 0 || items.length === 0) yield documentOf(part);
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
