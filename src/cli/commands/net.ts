/** `portd net`: the network of this machine, and what a person types into the router's page. */
import { LANGUAGES } from "../../sheet/language.ts";
import type { NetworkFacts } from "../../client/wire.ts";
import { fieldsOf } from "../answer.ts";
import { choiceFlag, COMMON_FLAGS, defineCommand, listFlag, parsedFlag, switchFlag } from "../command.ts";
import type { CliContext } from "../context.ts";
import { UsageError } from "../exit.ts";
import { commandLines, factsOf, HEAD, rowsOf } from "../net/network_text.ts";
import { placeNotes } from "../net/place_notes.ts";
import { readNetwork } from "../net/read_network.ts";
import { lineFacts, lineNotes } from "../net/line_facts.ts";
import { checkSheetFlags, portsOfSheet, SHEET_FIELDS, type SheetFlags, sheetFor, writeSheet } from "../net/sheet.ts";
import { parsePort } from "../parse.ts";
import { writeTable } from "../table.ts";
import { writeFacts, writeJson, writeLine } from "../terminal.ts";

const FIELDS = fieldsOf<NetworkFacts>({ adapters: true, internet: true, fixCommands: true });

export default defineCommand({
  answer: { fields: [...FIELDS, ...SHEET_FIELDS] },
  flags: {
    all: switchFlag("Also adapters that are down, loopback, and link-local and temporary addresses"),
    sheet: listFlag("NAME|PORT", "Print instead what to type into the router's page for this port; several times", {
      parse: String,
    }),
    udp: switchFlag("With --sheet: the UDP port; with a port, not a name"),
    both: switchFlag("With --sheet: the TCP and the UDP port; with a port, not a name"),
    external: parsedFlag(
      "PORT",
      "With --sheet: under this port of the router; else under the same",
      (text) => parsePort(text),
    ),
    lang: choiceFlag(LANGUAGES, "With --sheet: in this language; else in that of the locale"),
    html: switchFlag("With --sheet: as an HTML document, to be printed"),
    ...COMMON_FLAGS,
  },
  help: `Shows the network adapters of this machine with their addresses, where those are from (dhcp, static, auto),
routers and name servers, and which adapter reaches the internet. Where the IPv4 address is from DHCP, it prints the
commands that would fix it for this adapter; portd runs none of them. Works without a daemon, and starts none.

With --sheet it prints, filled in for this machine, what a person types into the router's page: how to fix the address,
the packet filter, the port forwarding (static NAT, IP masquerade), and how to check it.`,
  usage: [
    "[--all] [--json]",
    { input: "--json", brief: "as JSON, the same as the answer of GET /v1/network" },
    { input: "--sheet game", brief: "what to type into the router for the lease game of this project" },
    { input: "--sheet 25565 --both --lang ja", brief: "the same for a port, in Japanese" },
    { input: "--sheet 25565 --html > router.html", brief: "to be printed" },
  ],
  async run(context, flags) {
    checkSheetFlags(flags);
    if (flags.sheet === undefined) return await showNetwork(context, flags);
    if (flags.all) throw new UsageError("Cannot use --all together with --sheet: leave one of them out");
    const ports = await portsOfSheet(context, flags), { facts, line } = await readNetwork(context, flags);
    const notes = [...placeNotes(facts, await context.wsl()), ...lineNotes(ports, line)];
    for (const note of notes) writeLine(context.process.stderr, `note: ${note}`);
    writeSheet(context, sheetFor(context, { ports, facts, ...(flags.lang && { lang: flags.lang }) }), flags);
  },
});

async function showNetwork(context: CliContext, flags: SheetFlags & { readonly all?: boolean }): Promise<void> {
  const { stdout, stderr } = context.process;
  const { facts, line } = await readNetwork(context, flags);
  if (flags.json) return writeJson(stdout, facts);
  const rows = rowsOf(facts, flags.all ?? false);
  if (rows.length > 0) writeTable(stdout, HEAD, rows);
  else writeLine(stderr, "no adapter is up");
  writeFacts(stdout, [...factsOf(facts), ...lineFacts(line)]);
  stdout.write(commandLines(facts));
}
