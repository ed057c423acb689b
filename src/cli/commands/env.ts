/** `portd env`: the ports of a project's services, for a shell or a dotenv file. */
import { PortdError } from "../../errors.ts";
import { findProject, findProjectFile, PROJECT_FILE } from "../../project/project.ts";
import { readProjectFile } from "../../project/project_file.ts";
import { readScope, SCOPE_VARIABLE, scopeTerms } from "../../project/scope.ts";
import { leaseServices, slotValues } from "../../project/slot_services.ts";
import { choiceFlag, COMMON_FLAGS, defineCommand } from "../command.ts";
import { findDaemon } from "../daemon/find.ts";
import { toJson, writeJson } from "../terminal.ts";

const FORMATS = ["dotenv", "shell", "json", "direnv"] as const;

export default defineCommand({
  answer: { fields: [] }, // its variables are those of portd.yaml
  flags: { format: choiceFlag(FORMATS, "The format (dotenv)"), ...COMMON_FLAGS },
  help: `Leases a port for each service in the project's portd.yaml, all or none, and prints them:

  services:
    web: { env: PORT, prefer: 5173 }
    api: { env: API_PORT }
    dns: { protocols: [udp] }

A service may have env (default <NAME>_PORT), port, prefer, range, protocols, hold and url. Further variables are

  values:
    DATABASE_URL: postgres://localhost:{port:db}/shop_{slot}
  share: [db]

with {port:NAME}, {url:NAME}, {project}, {branch} and {slot}; what is shared is the main copy's for all worktrees.`,
  usage: [
    "[--format dotenv|shell|json|direnv]",
    { input: "> .env.ports", brief: "a line for each, like PORT=5173" },
    { input: "--format shell", brief: 'for a shell: eval "$(portd env --format shell)"' },
  ],
  async run(context, flags) {
    const project = findProject(context.cwd);
    const file = findProjectFile(context.cwd, project);
    if (file === undefined) {
      const message = `Cannot find ${PROJECT_FILE} in ${context.cwd} or above it in the project`;
      throw new PortdError("not_found", message, { value: context.cwd });
    }
    const content = readProjectFile(file);
    const scope = readScope(context.env[SCOPE_VARIABLE]);
    const client = await findDaemon(context, flags);
    const leases = await leaseServices(client, project, content.services, scopeTerms(scope));
    const ports = content.services.map(({ request, variable }) =>
      [variable, String(leases.get(request.name)!.port)] as const
    );
    const variables = [...ports, ...slotValues(content, project, leases)];
    const { stdout } = context.process;
    if (flags.json) writeJson(stdout, Object.fromEntries(variables));
    else stdout.write(format(variables, flags.format ?? "dotenv", file));
  },
});

function format(
  variables: readonly (readonly [string, string])[],
  format: typeof FORMATS[number],
  file: string,
): string {
  if (format === "json") return `${toJson(Object.fromEntries(variables))}\n`;
  if (format === "dotenv") return variables.map(([name, value]) => `${name}=${dotenvValue(value)}\n`).join("");
  const lines = variables.map(([name, value]) => `export ${name}=${shellWord(value)}\n`).join("");
  return format === "direnv" ? `watch_file ${shellWord(file)}\n${lines}` : lines;
}

/** A value for a dotenv file: plain, or in single quotes, between which its readers change nothing. */
function dotenvValue(value: string): string {
  if (/^[A-Za-z0-9_.,:/@%+-]*$/.test(value)) return value;
  return value.includes("'") ? JSON.stringify(value) : `'${value}'`;
}

function shellWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
