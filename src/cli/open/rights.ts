/** Whether the daemon may change the firewall: asked before anything else is asked or done. */
import type { CallOptions, PortdClient } from "../../client/client.ts";
import { PortdError } from "../../errors.ts";
import type { CliContext } from "../context.ts";

/** How portd gets the rights; a daemon of the user has the address of the other one, so it is stopped first. */
const AS_SERVICE = ["stop", "service install", "service start"], AS_ROOT = ["stop", "serve --detach"];

/**
 * Checks that the daemon can change the firewall.
 *
 * @throws {PortdError} `firewall_unavailable`, with the commands that give the rights as `data.command`.
 */
export async function requireRights(
  context: CliContext,
  client: PortdClient,
  options: CallOptions = {},
): Promise<void> {
  const { error = null, lacksRights = false } = await client.firewall(options);
  if (error === null && !lacksRights) return;
  const { user } = lacksRights ? await client.status() : { user: null };
  if (!lacksRights || user === "root") throw new PortdError("firewall_unavailable", error ?? "Cannot open a port");
  const isWindows = context.os === "windows", hasServices = await canHaveService(context);
  const reason = error?.replace(/^Cannot [^:]*: /, "") ?? "it is no administrator";
  const steps = (hasServices ? AS_SERVICE : AS_ROOT).map((step, i) =>
    `${i > 0 && !isWindows ? "sudo " : ""}portd ${step}`
  );
  const command = steps.join(isWindows ? ", then " : " && "); // Windows PowerShell 5.1 does not know &&
  const how = isWindows ? ", in an administrator's terminal" : "";
  const message = `Cannot open a port: the daemon runs as ${user ?? "a user"} and needs an administrator's rights to ` +
    `change the firewall (${reason}); ${
      hasServices ? "as a service of the system" : "as a daemon of root"
    } it has them${how}: ${command}`;
  const cause = new Deno.errors.PermissionDenied(reason);
  throw new PortdError("firewall_unavailable", message, { lacksRights, command }, { cause });
}

/** Whether there is a service control to install portd in, whoever may do it. */
async function canHaveService({ openService }: CliContext): Promise<boolean> {
  try {
    await (await openService({ isUser: false })).refusal();
    return true;
  } catch {
    return false; // the reason does not matter: the other way works without it
  }
}
