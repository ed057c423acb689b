/** `portd net`: the network of this machine. */
import { COMMON_FLAGS, defineCommand, switchFlag } from "../command.ts";
import { commandLines, factsOf, HEAD, rowsOf } from "../net/network_text.ts";
import { readNetwork } from "../net/read_network.ts";
import { writeTable } from "../table.ts";
import { writeFacts, writeJson, writeLine } from "../terminal.ts";

export default defineCommand({
  flags: {
    all: switchFlag("Also adapters that are down, loopback, and link-local and temporary addresses"),
    ...COMMON_FLAGS,
  },
  help: `Shows the network adapters of this machine with their addresses, where those are from (dhcp, static, auto),
routers and name servers, and which adapter reaches the internet. Where the IPv4 address is from DHCP, it prints the
commands that would fix it for this adapter; portd runs none of them. Works without a daemon, and starts none.`,
  usage: [
    "[--all] [--json]",
    { input: "--json", brief: "as JSON, the same as the answer of GET /v1/network" },
  ],
  async run(context, flags) {
    const { stdout, stderr } = context.process;
    const facts = await readNetwork(context, flags);
    if (flags.json) return writeJson(stdout, facts);
    const rows = rowsOf(facts, flags.all ?? false);
    if (rows.length > 0) writeTable(stdout, HEAD, rows);
    else writeLine(stderr, "no adapter is up");
    writeFacts(stdout, factsOf(facts));
    stdout.write(commandLines(facts));
  },
});
