/** `portd line`: which external ports the internet access can have. */
import { MOST_STUN_SERVERS, readStunServer, STUN_SERVER_EXPECTED } from "../../line/stun/server.ts";
import type { Line } from "../../client/wire.ts";
import { fieldsOf } from "../answer.ts";
import { argument, COMMON_FLAGS, defineCommand, switchFlag } from "../command.ts";
import { findDaemon } from "../daemon/find.ts";
import { UsageError } from "../exit.ts";
import { factsOfLine } from "../line/line_text.ts";
import { writeFacts, writeHint, writeJson } from "../terminal.ts";

const FIELDS = fieldsOf<Line>({
  verdict: true,
  reason: true,
  certainty: true,
  doubts: true,
  externalAddress: true,
  portSet: true,
  usable: true,
  samples: true,
  sampledAt: true,
});

export default defineCommand({
  answer: { fields: FIELDS },
  flags: {
    stun: switchFlag("Ask STUN servers on the internet, and the router"),
    ...COMMON_FLAGS,
  },
  args: argument("SERVER", "With --stun: a server to ask, host:port (default: those of the configuration)"),
  help:
    `Shows which external ports the internet access can have at all: every port, the ports of one port set (MAP-E), or
none (carrier-grade NAT, DS-Lite); how sure that is; and what was seen. Without --stun it asks nobody on the internet,
and shows what the last look has found, as long as the router is the same. With --stun twelve UDP ports of this machine
ask a STUN server which address and port it sees; that takes the daemon's admin token.`,
  usage: [
    "[--stun [SERVER...]] [--json]",
    { input: "--stun", brief: "ask the servers of the configuration" },
    { input: "--stun stun.example.org:3478", brief: "ask this server" },
  ],
  async run(context, flags, ...servers) {
    refuseUnusable(servers, flags.stun);
    const client = await findDaemon(context, flags, { withToken: flags.stun ?? false });
    const line = flags.stun ? await client.sampleLine(servers.length === 0 ? {} : { servers }) : await client.line();
    const { process } = context;
    if (flags.json) return writeJson(process.stdout, line);
    writeFacts(process.stdout, factsOfLine(line));
    if (line.sampledAt === null) writeHint(process, "ask how the line changes ports: portd line --stun");
  },
});

/** @throws {UsageError} for what is no server, too many of them, or one that would not be asked. */
function refuseUnusable(servers: readonly string[], isAsking = false): void {
  const wrong = servers.find((text) => readStunServer(text) === undefined);
  if (wrong !== undefined) {
    throw new UsageError(`Cannot use ${JSON.stringify(wrong)}: must be ${STUN_SERVER_EXPECTED}`);
  }
  if (servers.length > MOST_STUN_SERVERS) {
    throw new UsageError(`Cannot ask ${servers.length} servers: at most ${MOST_STUN_SERVERS}`);
  }
  if (servers.length > 0 && !isAsking) throw new UsageError("Cannot ask a server without --stun");
}
