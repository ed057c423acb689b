/** `portd url`: the address at which a service is opened on this machine. */
import type { Lease } from "../../client/client.ts";
import { holderOf } from "../../project/grant.ts";
import { findProject, findProjectFile } from "../../project/project.ts";
import { COMMON_FLAGS, defineCommand, NAME_OR_PORT } from "../command.ts";
import type { CliContext } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { findLease, parseNameOrPort, titleOf } from "../naming.ts";
import { writeJson, writeLine } from "../terminal.ts";

export default defineCommand({
  flags: COMMON_FLAGS,
  args: [NAME_OR_PORT],
  help:
    `Prints the address of a leased service: that of "url" in the project's portd.yaml, else http://localhost:PORT, and
for UDP localhost:PORT. stderr says where nobody listens yet.`,
  usage: ["NAME|PORT", { input: "web", brief: "like http://localhost:5173" }],
  async run(context, flags, text) {
    const target = parseNameOrPort(text);
    const client = await findDaemon(context, flags);
    const find = (name: string) => findLease(client, { lease: name }, context.cwd);
    const lease = await findLease(client, target, context.cwd);
    const url = await addressOf(context, lease, find);
    const { stdout, stderr } = context.process;
    if (flags.json) return writeJson(stdout, { url, lease });
    if (lease.state !== "listening") writeLine(stderr, `note: nobody listens on ${titleOf(lease)} yet`);
    writeLine(stdout, url);
  },
});

/** @param find finds the lease of another service. */
async function addressOf(
  { cwd }: CliContext,
  lease: Lease,
  find: (name: string) => Promise<Lease>,
): Promise<string> {
  const fallback = lease.protocols.includes("tcp") ? `http://localhost:${lease.port}` : `localhost:${lease.port}`;
  const project = findProject(cwd), name = lease.name?.split("/").at(-1);
  const file = findProjectFile(cwd, project);
  if (name === undefined || file === undefined) return fallback;
  const { neededBy, ownerOf, readProjectFile, urlOf }: typeof import("../project_services.ts") = await import(
    "../project_services.ts" as string
  );
  const content = readProjectFile(file);
  const service = content.services.find(({ request }) => request.name === name);
  if (service === undefined || holderOf(ownerOf(service, project)).id !== lease.holder.id) return fallback;
  const ports = new Map([[name, lease]]);
  const others = neededBy({ ...content, values: [] }, [name]);
  for (const other of others) if (!ports.has(other)) ports.set(other, await find(other));
  return urlOf(content, project, name, ports);
}
