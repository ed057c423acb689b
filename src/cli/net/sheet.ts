/** The router sheet of leases and ports, in the user's language. */
import { NoDaemonError, UnprovenPeerError } from "../../client/transport.ts";
import type { Lease } from "../../client/client.ts";
import type { NetworkFacts } from "../../client/wire.ts";
import { type Protocol, PROTOCOLS } from "../../port/port.ts";
import { sheetHtml } from "../../sheet/html.ts";
import { type Language, languageOf } from "../../sheet/language.ts";
import { routerSheet, type Sheet, type SheetPort } from "../../sheet/sheet.ts";
import { sheetText } from "../../sheet/text.ts";
import type { Having } from "../answer.ts";
import type { CliContext, CommonFlags, TextStream } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { UsageError } from "../exit.ts";
import { findLease, parseNameOrPort } from "../naming.ts";
import { hang, widthOf, writeJson } from "../terminal.ts";

/** The flags that make a sheet. */
export interface SheetFlags extends CommonFlags {
  readonly sheet?: readonly string[];
  readonly udp?: boolean;
  readonly both?: boolean;
  readonly external?: number;
  readonly lang?: Language;
  readonly html?: boolean;
}

/** Refuses flags of a sheet that do not fit together, or without a sheet. @throws {UsageError} */
export function checkSheetFlags({ sheet = [], udp, both, external, lang, html, json }: SheetFlags): void {
  if (udp && both) throw new UsageError("Cannot use --udp together with --both: leave one of them out");
  if (html && json) throw new UsageError("Cannot use --html together with --json: leave one of them out");
  if (external !== undefined && sheet.length > 1) {
    throw new UsageError("Cannot use --external for several ports: make a sheet of each");
  }
  const alone = udp || both || html || external !== undefined || lang !== undefined;
  if (sheet.length === 0 && alone) {
    throw new UsageError(
      "Cannot use --udp, --both, --external, --lang or --html here: they belong to --sheet NAME|PORT",
    );
  }
  for (const text of sheet) {
    if ("lease" in parseNameOrPort(text) && (udp || both)) {
      throw new UsageError(
        "Cannot use --udp or --both with a name: a lease has its own protocols; name the port instead",
      );
    }
  }
}

/** The ports of `--sheet`: of a lease its port and protocols. */
export async function portsOfSheet(context: CliContext, flags: SheetFlags): Promise<readonly SheetPort[]> {
  const ports: SheetPort[] = [];
  for (const text of flags.sheet ?? []) ports.push(...await portsOf(context, flags, text));
  return ports;
}

async function portsOf(context: CliContext, flags: SheetFlags, text: string): Promise<readonly SheetPort[]> {
  const target = parseNameOrPort(text), { udp, both, external } = flags;
  const leases = "port" in target
    ? await leasesOn(context, flags, target.port)
    : [await findLease(await findDaemon(context, flags), target, context.cwd)];
  const port = "port" in target ? target.port : leases[0]!.port;
  const outside = external === undefined ? {} : { externalPort: external };
  // Each protocol has a lease of its own.
  if (leases.length > 1 && !udp) return leases.map((lease) => ({ ...sheetPortOf(lease), ...outside }));
  const lease = leases.find(({ protocols }) => udp && protocols.includes("udp")) ?? leases[0];
  const protocols: readonly Protocol[] = both ? PROTOCOLS : udp ? ["udp"] : lease?.protocols ?? ["tcp"];
  return [{ ...sheetPortOf({ name: lease?.name ?? null, port, protocols }), ...outside }];
}

/** A lease as a sheet has it, under the same port outside. */
export function sheetPortOf({ name, port, protocols }: Pick<Lease, "name" | "port" | "protocols">): SheetPort {
  return { name, port, protocols, externalPort: port };
}

/** The leases of a port, which may be one for each protocol; none where no daemon runs. */
async function leasesOn(context: CliContext, flags: CommonFlags, port: number): Promise<readonly Lease[]> {
  try {
    const client = await findDaemon(context, flags, { start: false });
    return await client.listAll({ port });
  } catch (error) {
    if (error instanceof NoDaemonError && !(error instanceof UnprovenPeerError) && flags.url === undefined) return [];
    throw error;
  }
}

/** The sheet in the language of `--lang`, else of the user's locale. @throws {Error} where no router is known. */
export function sheetFor(
  context: Pick<CliContext, "env">,
  { ports, facts, lang }: {
    readonly ports: readonly SheetPort[];
    readonly facts: NetworkFacts;
    readonly lang?: Language;
  },
): Sheet {
  return routerSheet({ ports, facts, language: lang ?? languageOf(context.env, navigator.language) });
}

/** Fields of the answer with `--sheet`. */
export const SHEET_FIELDS = ["sheet"] as const;

/** Writes the sheet to stdout: as text, HTML or JSON. */
export function writeSheet({ process: { stdout } }: CliContext, sheet: Sheet, { html, json }: SheetFlags): void {
  if (json) writeJson(stdout, { sheet } satisfies Having<typeof SHEET_FIELDS>);
  else stdout.write(html ? sheetHtml(sheet) : sheetTextFor(stdout, sheet));
}

/** The sheet as text that fits a terminal. Japanese has no blanks: the terminal itself may break it anywhere. */
export function sheetTextFor(stream: TextStream, sheet: Sheet): string {
  if (sheet.language === "ja") return sheetText(sheet);
  return sheetText(sheet, (indent, sentence) => hang(indent, sentence, widthOf(stream)));
}
