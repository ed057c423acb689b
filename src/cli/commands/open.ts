/** `portd open`: lets a leased port be reached from outside, as far as the host's firewall is concerned. */
import type { Lease, PortdClient } from "../../client/client.ts";
import { PortdError } from "../../errors.ts";
import type { Profile } from "../../firewall/rule.ts";
import { findProject } from "../../project/project.ts";
import { command, COMMON_FLAGS, listFlag, switchFlag } from "../command.ts";
import { confirm } from "../confirm.ts";
import type { CliContext, CommonFlags } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { Ended, EXIT } from "../exit.ts";
import { findLease, parseRef, titleOf } from "../naming.ts";
import { neutralise, toJson } from "../terminal.ts";

type OpenFlags = CommonFlags & {
  readonly remote?: readonly string[];
  readonly profile?: readonly Profile[];
  readonly out?: boolean;
  readonly yes?: boolean;
};

const LOOPBACK = /^(?:127\.|::1$|::ffff:127\.)/;

export default command<OpenFlags, [lease: string]>({
  parameters: {
    flags: {
      remote: listFlag("WHO", "Who may come: LocalSubnet (the default), any, an address or a network, also several", {
        parse: String,
        separator: ",",
      }),
      profile: listFlag("PROFILE", "Network profiles of Windows: domain and private are the default, and public", {
        parse: parseProfile,
        separator: ",",
      }),
      out: switchFlag("For connections from this machine instead of to it"),
      yes: switchFlag("Lease a port that nobody leases without asking"),
      ...COMMON_FLAGS,
    },
    positional: { kind: "tuple", parameters: [{ parse: String, placeholder: "NAME|PORT|ID", brief: "The lease" }] },
  },
  docs: {
    brief: "Let a leased port be reached from outside",
    fullDescription: `Has the daemon keep a rule of the host's firewall for as long as the lease lives: inbound, for the
networks that this machine is on. Needs the daemon's token. A port that nobody leases is leased first, pinned, after
asking.`,
    customUsage: [
      "NAME|PORT|ID [--remote WHO] [--profile PROFILE] [--out]",
      { input: "web", brief: "for the networks that this machine is on" },
      { input: "25565 --remote any --profile private,public --yes", brief: "a game, for everybody" },
    ],
  },
  async run(context, flags, text) {
    const client = await findDaemon(context, flags, { withToken: true });
    const found = await findOrLease(context, client, flags, text);
    const { remote, profile: profiles } = flags;
    const lease = await client.expose(found.id, {
      firewall: {
        ...(remote !== undefined && { remote }),
        ...(profiles !== undefined && { profiles }),
        ...(flags.out && { direction: "out" }),
      },
    });
    const { backend, remarks } = await client.syncFirewall();
    const notes = [...remarks, ...await loopbackNote(client, lease)];
    const { stdout, stderr } = context.process;
    if (flags.json) return stdout.write(`${toJson({ lease, backend, remarks: notes })}\n`);
    const { remote: who } = lease.exposure!.firewall;
    stderr.write(`${neutralise(`opened ${titleOf(lease)} to ${who.join(", ")} (${backend})`)}\n`);
    for (const note of notes) stderr.write(`note: ${neutralise(note)}\n`);
  },
});

async function findOrLease(context: CliContext, client: PortdClient, flags: OpenFlags, text: string): Promise<Lease> {
  try {
    return await findLease(client, text, findProject(context.cwd));
  } catch (error) {
    const ref = parseRef(text);
    const isPort = typeof ref === "object" && "port" in ref;
    if (!isPort || !(error instanceof PortdError) || error.code !== "lease_not_found") throw error;
    const preface = `nobody leases port ${ref.port}\n`;
    if (await confirm(context, "Lease it until it is released?", { preface, yes: flags.yes ?? false })) {
      return await client.grant({ port: ref.port, protocols: ["tcp"], lifetime: { kind: "pinned" } });
    }
    context.process.stderr.write("nothing was done\n");
    throw new Ended(EXIT.failure);
  }
}

/** A firewall lets packets pass; to an address of this machine alone none comes. */
async function loopbackNote(client: PortdClient, { port }: Lease): Promise<string[]> {
  const { listeners } = await client.describePort(port);
  if (listeners.length === 0 || !listeners.every(({ localAddress }) => LOOPBACK.test(localAddress))) return [];
  return [
    `the server listens at ${
      listeners[0]!.localAddress
    } alone, where only this machine reaches it: the rule does not ` +
    "help until it listens at 0.0.0.0 or [::]",
  ];
}

function parseProfile(text: string): Profile {
  if (text === "domain" || text === "private" || text === "public") return text;
  throw new SyntaxError("must be domain, private or public");
}
