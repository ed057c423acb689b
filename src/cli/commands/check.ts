/** `portd check`: what lies between a port and whoever wants to reach it, layer after layer. */
import type { PortdClient } from "../../client/client.ts";
import type { Family } from "../../gateway/gateway.ts";
import type { Protocol } from "../../port/port.ts";
import { CHECKER_URL_EXPECTED, readCheckerUrl } from "../../reach/outside.ts";
import type { ReachReport, ReachRequest } from "../../reach/reach.ts";
import { checkOutside } from "../check/outside.ts";
import { reportLines, verdictText } from "../check/report.ts";
import { fieldsOf } from "../answer.ts";
import { COMMON_FLAGS, defineCommand, type FlagsOf, NAME_OR_PORT, parsedFlag, switchFlag } from "../command.ts";
import type { CliContext } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { Ended, EXIT, UsageError } from "../exit.ts";
import { findLease, parseNameOrPort } from "../naming.ts";
import { readOr } from "../parse.ts";
import { writeBehind, writeJson, writeStyled } from "../terminal.ts";

const FLAGS = {
  udp: switchFlag("The UDP port; without it TCP, unless NAME is a lease of UDP only"),
  listen: switchFlag("Listen on the port during the check: a port is only proven open while somebody listens"),
  via: parsedFlag(
    "URL",
    "Ask a checker on another machine",
    (text) => readOr(readCheckerUrl(text), CHECKER_URL_EXPECTED),
  ),
  ipv4: switchFlag("By IPv4"),
  ipv6: switchFlag("By IPv6"),
  ...COMMON_FLAGS,
};

type CheckFlags = FlagsOf<typeof FLAGS>;

const FIELDS = fieldsOf<ReachReport>({
  port: true,
  protocol: true,
  family: true,
  from: true,
  layers: true,
  verdict: true,
  broken: true,
  external: true,
});

export default defineCommand({
  flags: FLAGS,
  args: [NAME_OR_PORT],
  answer: { fields: FIELDS },
  help: `Looks at every layer between the port and others: who listens, on which address, whether it answers there, the
rule in the host's firewall, and where the port is to be reached from the internet the router's mapping, the router, the
line, and the way back. Says which one is broken and what to do next. Only a checker on another machine can prove that a
port is open: --via names one that you trust (portd checker runs one). Exit code 0 when it is proven open, 1 when it is
closed, 8 when neither is proven.`,
  usage: [
    "NAME|PORT [--udp] [--listen] [--via URL] [--ipv4|--ipv6] [--json]",
    { input: "game", brief: "what keeps others from the port of the lease game" },
    { input: "game --via http://check.example.org:7679", brief: "and a checker tries from outside" },
    {
      input: "19132 --udp --listen --via http://check.example.org:7679",
      brief: "a UDP port, while its server is stopped",
    },
  ],
  async run(context, flags, text) {
    const client = await findDaemon(context, flags, { withToken: true });
    const { port, protocol } = await targetOf(context, client, flags, text);
    const request = requestOf(flags, protocol);
    const report = await checkOutside(client, { port, request, via: flags.via, listen: flags.listen ?? false });
    print(context, flags, report);
    if (report.verdict !== "open") throw new Ended(report.verdict === "closed" ? EXIT.failure : EXIT.unproven);
  },
});

async function targetOf(
  { cwd }: CliContext,
  client: PortdClient,
  { udp }: CheckFlags,
  text: string,
): Promise<{ readonly port: number; readonly protocol: Protocol }> {
  const target = parseNameOrPort(text);
  if ("port" in target) return { port: target.port, protocol: udp ? "udp" : "tcp" };
  const { port, protocols } = await findLease(client, target, cwd);
  const protocol = udp ? "udp" : protocols[0]!;
  if (protocols.includes(protocol)) return { port, protocol };
  throw new UsageError(`Cannot use --udp: the lease "${text}" is of TCP only`);
}

function requestOf({ ipv4, ipv6, via }: CheckFlags, protocol: Protocol): ReachRequest {
  if (ipv4 && ipv6) throw new UsageError("Cannot use --ipv4 together with --ipv6: leave one of them out");
  const family: Family | undefined = ipv6 ? "ipv6" : ipv4 ? "ipv4" : undefined;
  return { protocol, ...(family && { family }), ...(via && { from: "internet" as const }) };
}

function print({ process: { stdout } }: CliContext, { json }: CheckFlags, report: ReachReport): void {
  if (json) return writeJson(stdout, report);
  const style = { open: "green", closed: "red", unproven: "yellow" } as const;
  writeStyled(stdout, verdictText(report), style[report.verdict]);
  for (const { head, text } of reportLines(report)) writeBehind(stdout, head, text);
}
