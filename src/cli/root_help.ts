/** What `portd --help` prints. */
import { bold } from "./terminal.ts";

/** The help of portd as a whole. @param briefs are the commands with what each does in a line. */
export function rootHelp(briefs: Readonly<Record<string, string>>, isColoured: boolean): string {
  const width = Math.max(...Object.keys(briefs).map((name) => name.length));
  const commands = Object.entries(briefs).map(([name, brief]) => `  ${bold(name.padEnd(width), isColoured)}  ${brief}`);
  return `portd leases the TCP and UDP ports of this machine, so that no two services want the same one.

${bold("USAGE", isColoured)}
  portd COMMAND [ARGUMENTS] [FLAGS]
  portd COMMAND --help

${bold("COMMANDS", isColoured)}
${commands.join("\n")}

${bold("EXAMPLES", isColoured)}
  PORT=$(portd lease web) npm run dev       lease a port for "web" of this project, and use it
  portd run web -- npm run dev              the same, with PORT set and the lease given back at the end
  portd run web api -- make dev             several: PORT and WEB_PORT, API_PORT
  portd ls                                  who has which port
  portd release web                         give it back

${bold("FLAGS OF EVERY COMMAND", isColoured)}
  --url URL          address of the daemon (PORTD_URL)
  --state-dir DIR    state folder of the daemon (PORTD_STATE_DIR)
  --no-start         do not start a daemon when none runs (PORTD_AUTOSTART=0)
  --json             answer in JSON, and tell errors in JSON
  -h, --help         print help
  -v, --version      print the version (without a command)

${bold("EXIT CODES", isColoured)}
  0 ok, 1 failure, 2 usage, 3 no daemon, 4 conflict, 5 pool exhausted, 6 permission, 7 timed out
`;
}
