/** The router sheet after a `portd open --router` that no router has answered. Loaded only then. */
import type { Lease, PortdClient } from "../../client/client.ts";
import { messageOf, reasonOf } from "../../errors.ts";
import { sheetHtml } from "../../sheet/html.ts";
import type { Language } from "../../sheet/language.ts";
import type { Sheet } from "../../sheet/sheet.ts";
import type { CliContext } from "../context.ts";
import { sheetFor, sheetPortOf, sheetTextFor } from "../net/sheet.ts";
import { writeLine } from "../terminal.ts";

/** What the sheet is for. */
export interface SheetOrder {
  readonly leases: readonly Lease[];
  /** The port that the router's address is to have; else that of the lease. */
  readonly external: number | undefined;
  /** Else that of the locale. */
  readonly lang: Language | undefined;
}

/** How long this machine's network may take to be read. */
const NETWORK_MS = 5000;

/** Makes the sheet. @returns why there is none, as a sentence, where this machine is behind no router. */
export async function makeSheet(
  context: Pick<CliContext, "env">,
  client: PortdClient,
  { leases, external, lang }: SheetOrder,
): Promise<Sheet | string> {
  const outside = external === undefined ? {} : { externalPort: external };
  const ports = leases.map((lease) => ({ ...sheetPortOf(lease), ...outside }));
  try {
    const facts = await client.network({ signal: AbortSignal.timeout(NETWORK_MS) });
    return sheetFor(context, { ports, facts, ...(lang && { lang }) });
  } catch (error) {
    return messageOf(error);
  }
}

/** Writes the sheet to stderr, as stdout is for addresses that work. */
export function writeSheet({ process: { stderr } }: Pick<CliContext, "process">, sheet: Sheet | string): void {
  if (typeof sheet === "string") writeLine(stderr, `note: ${sheet}`);
  else stderr.write(`\n${sheetTextFor(stderr, sheet)}`);
}

/** Writes the sheet as a page to print. @throws {Error} where the file cannot be written. */
export async function writePage(
  { process: { stderr } }: Pick<CliContext, "process">,
  sheet: Sheet,
  { file, isQuiet }: { readonly file: string; readonly isQuiet: boolean },
): Promise<void> {
  try {
    await Deno.writeTextFile(file, sheetHtml(sheet));
  } catch (error) {
    throw new Error(`Cannot write the router sheet to ${file}: ${reasonOf(error)}`, { cause: error });
  }
  if (!isQuiet) writeLine(stderr, `the same as a page to print: ${file}`);
}
