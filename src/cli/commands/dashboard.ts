/** `portd dashboard`: the page of this machine's ports, in the browser. */
import type { PortdClient } from "../../client/client.ts";
import { PortdError } from "../../errors.ts";
import type { Having } from "../answer.ts";
import { COMMON_FLAGS, defineCommand, switchFlag } from "../command.ts";
import { findDaemon } from "../daemon/find.ts";
import { writeHint, writeJson, writeLine } from "../terminal.ts";

const FIELDS = ["url", "opened", "expiresAt"] as const;

export default defineCommand({
  answer: { fields: FIELDS },
  flags: { ...COMMON_FLAGS, print: switchFlag("Print the address instead of opening it") },
  help: `Opens the dashboard in the browser: every lease, every port, and what others can reach. The address has a code
that works once, within a minute, and lets the page act without the token. Where this machine has no browser, or with
--print, the address is printed; without the daemon's token it has no code, and the page asks for the token when it is
needed.`,
  usage: ["[FLAGS]", { input: "--print", brief: "for a browser on another desktop" }],
  async run(context, flags) {
    const client = await findDaemon(context, flags, { withToken: true });
    const { stdout, stderr } = context.process;
    const isAsked = flags.print === true;
    // The browser of Windows comes into WSL by a process of another user.
    const anyUser = isAsked || await context.wsl() !== undefined;
    let { address, expiresAt } = await addressOf(client, { anyUser });
    const obstacle = isAsked ? undefined : await context.openBrowser(address);
    if (obstacle !== undefined && !anyUser) ({ address, expiresAt } = await addressOf(client, { anyUser: true }));
    const isOpened = !isAsked && obstacle === undefined;
    if (flags.json) {
      return writeJson(stdout, { url: address, opened: isOpened, expiresAt } satisfies Having<typeof FIELDS>);
    }
    if (obstacle !== undefined) writeLine(stderr, `note: no browser was opened: ${obstacle}; open this address in one`);
    if (isOpened) writeLine(stderr, `opened the dashboard at ${client.url}`);
    else writeLine(stdout, address);
    if (expiresAt === null) await explainMissingToken(client, (note) => writeLine(stderr, note));
    else if (!isOpened) writeHint(context.process, "the address works once, within a minute");
  },
});

/**
 * The address of the page, with a code where we have the token. The code is in the fragment, which is sent to no server.
 *
 * @param anyUser is false where a program is started with it: every user can list that program's arguments.
 */
async function addressOf(
  client: PortdClient,
  { anyUser }: { readonly anyUser: boolean },
): Promise<{ readonly address: string; readonly expiresAt: string | null }> {
  if (!client.hasToken) return { address: `${client.url}/`, expiresAt: null };
  const { code, expiresAt } = await client.dashboardCode({ anyUser });
  return { address: `${client.url}/#code=${code}`, expiresAt };
}

async function explainMissingToken(client: PortdClient, write: (note: string) => void): Promise<void> {
  const shown = "the page shows what every user may see, and asks for the token where an action needs it";
  try {
    const { user, stateDir } = await client.status();
    const whose = `this is portd of ${user ?? "another user"}, and its token is for that user`;
    write(`note: ${whose} (${stateDir}/admin.token): ${shown}`);
  } catch (error) {
    if (!(error instanceof PortdError) || error.code !== "unauthorized") throw error;
    write("note: this daemon shows nothing without its token, and the page asks for that");
  }
}
