/** `portd env`: the ports of a project's services, for a shell or a dotenv file. */
import { ifThere, PortdError } from "../../errors.ts";
import { findProject, PROJECT_FILE, upward } from "../../project/project.ts";
import { parseProjectFile } from "../../project/project_file.ts";
import { readBounded } from "../../state/own_file.ts";
import { choiceFlag, COMMON_FLAGS, defineCommand } from "../command.ts";
import { findDaemon } from "../daemon/find.ts";
import { grantFor, holderOf } from "../naming.ts";
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
    const services = readServices(context.cwd, project.root);
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

/** The services of the nearest portd.yaml, not above the project. */
function readServices(cwd: string, root: string): ReturnType<typeof parseProjectFile> {
  const folders = upward(cwd);
  for (const folder of folders.slice(0, folders.indexOf(root) + 1)) {
    const path = `${folder === "/" ? "" : folder}/${PROJECT_FILE}`;
    const services = ifThere(() => parseProjectFile(readBounded(path), path));
    if (services !== undefined) return services;
  }
  throw new PortdError("not_found", `Cannot find ${PROJECT_FILE} in ${cwd} or above it in the project`, { value: cwd });
}
