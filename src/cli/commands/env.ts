/** `portd env`: the ports of a project's services, for a shell or a dotenv file. */
import { PortdError } from "../../errors.ts";
import { findProject, findProjectFile, PROJECT_FILE } from "../../project/project.ts";
import { readServices } from "../../project/project_file.ts";
import { choiceFlag, COMMON_FLAGS, defineCommand } from "../command.ts";
import { findDaemon } from "../daemon/find.ts";
import { grantFor, holderOf } from "../../project/grant.ts";
import { toJson } from "../terminal.ts";

const FORMATS = ["dotenv", "shell", "json"] as const;

export default defineCommand({
  flags: { format: choiceFlag(FORMATS, "The format (dotenv)"), ...COMMON_FLAGS },
  help: `Leases a port for each service in the project's portd.yaml, all or none, and prints them:

  services:
    web: { env: PORT, prefer: 5173 }
    api: { env: API_PORT }
    dns: { protocols: [udp] }

A service may have env (default <NAME>_PORT), port, prefer, range, protocols and hold.`,
  usage: [
    "[--format dotenv|shell|json]",
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
    const services = readServices(file);
    const client = await findDaemon(context, flags);
    const request = {
      project: project.name,
      services: services.map((service) => service.request),
      holder: { ...holderOf(project), cwd: project.root },
    };
    const leases = await grantFor(client, request, project);
    const variables = services.map(({ variable }, i) => [variable, String(leases[i]!.port)] as const);
    context.process.stdout.write(format(variables, flags.json ? "json" : flags.format ?? "dotenv"));
  },
});

function format(variables: readonly (readonly [string, string])[], format: typeof FORMATS[number]): string {
  if (format === "json") return `${toJson(Object.fromEntries(variables))}\n`;
  const line = format === "shell"
    ? (name: string, value: string) => `export ${name}='${value}'\n`
    : (name: string, value: string) => `${name}=${value}\n`;
  return variables.map(([name, value]) => line(name, value)).join("");
}
