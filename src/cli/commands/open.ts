/** `portd open`: makes a leased port reachable from outside, through the host's firewall. */
import type { Lease, PortdClient } from "../../client/client.ts";
import { PortdError } from "../../errors.ts";
import { type Profile, PROFILES } from "../../firewall/rule.ts";
import { COMMON_FLAGS, defineCommand, listFlag, NAME_OR_PORT, switchFlag } from "../command.ts";
import { confirm } from "../confirm.ts";
import { type CliContext, given } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { findLease, type NameOrPort, parseNameOrPort, titleOf } from "../naming.ts";
import { readOr } from "../parse.ts";
import { writeJson, writeLine } from "../terminal.ts";

const LOOPBACK = /^(?:127\.|::1$|::ffff:127\.)/;

export default defineCommand({
  flags: {
    remote: listFlag(
      "WHO",
      "Who may connect: LocalSubnet (the default), any, an address or a network; several with commas",
      { parse: String, separator: "," },
    ),
    profile: listFlag(
      "PROFILE",
      "Network profiles of Windows: domain, private (both by default) and public; several with commas",
      { parse: parseProfile, separator: "," },
    ),
    out: switchFlag("For connections from this machine, not to it"),
    yes: switchFlag("Lease the port without asking where it is not leased"),
    ...COMMON_FLAGS,
  },
  args: [NAME_OR_PORT],
  help: `Makes the daemon keep a rule in the host's firewall for as long as the lease lives: inbound, for the
networks that this machine is on. Needs the daemon's admin token. A port that is not leased is leased first, after
asking, until it is released.`,
  usage: [
    "NAME|PORT [--remote WHO] [--profile PROFILE] [--out]",
    { input: "web", brief: "for the networks that this machine is on" },
    { input: "25565 --remote any --profile private,public --yes", brief: "a game server, for everybody" },
  ],
  async run(context, flags, text) {
    const target = parseNameOrPort(text);
    const client = await findDaemon(context, flags, { withToken: true });
    const found = await findOrLease(context, client, target, flags.yes);
    const { remote, profile: profiles, out } = flags;
    const lease = await client.expose(found.id, {
      firewall: given({ remote, profiles, direction: out ? "out" as const : undefined }),
    });
    const { backend, remarks } = await client.syncFirewall();
    const notes = [...remarks, ...await loopbackNote(client, lease)];
    const { stdout, stderr } = context.process;
    if (flags.json) return writeJson(stdout, { lease, backend, remarks: notes });
    const { remote: who } = lease.exposure!.firewall;
    writeLine(stderr, `opened ${titleOf(lease)} to ${who.join(", ")} (${backend})`);
    for (const note of notes) writeLine(stderr, `note: ${note}`);
  },
});

async function findOrLease(context: CliContext, client: PortdClient, target: NameOrPort, yes = false): Promise<Lease> {
  try {
    return await findLease(client, target, context.cwd);
  } catch (error) {
    const isUnleased = error instanceof PortdError && error.code === "lease_not_found" && "port" in target;
    if (!isUnleased) throw error;
    const preface = `port ${target.port} is not leased\n`;
    await confirm(context, "Lease it until it is released?", { preface, yes });
    return await client.grant({ port: target.port, protocols: ["tcp"], lifetime: { kind: "pinned" } });
  }
}

/** A rule does not help a server that listens on loopback addresses only: no packet from outside gets there. */
async function loopbackNote(client: PortdClient, { port }: Lease): Promise<string[]> {
  const { listeners } = await client.describePort(port);
  const [first] = listeners;
  if (first === undefined || !listeners.every(({ localAddress }) => LOOPBACK.test(localAddress))) return [];
  const why = "which no other machine can reach: let it listen on 0.0.0.0 or [::]";
  return [`the server listens on ${first.localAddress} only, ${why}`];
}

function parseProfile(text: string): Profile {
  return readOr(PROFILES.find((profile) => profile === text), "domain, private or public");
}
