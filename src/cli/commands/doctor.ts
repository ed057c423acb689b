/** `portd doctor`: looks for problems; never starts a daemon. */
import type { PortdClient } from "../../client/client.ts";
import type { FirewallStatus } from "../../client/wire.ts";
import { PortdError } from "../../errors.ts";
import { VERSION } from "../../version.ts";
import { defineCommand } from "../command.ts";
import { findDaemon } from "../daemon/find.ts";
import { diagnose, type Level } from "../doctor/diagnosis.ts";
import { EXIT } from "../exit.ts";
import { writeTable } from "../table.ts";
import { type Style, writeJson } from "../terminal.ts";

const HEAD = ["CHECK", "LEVEL", { title: "FINDING", least: 24, wraps: true }] as const;
const STYLES: Readonly<Record<Level, Style>> = { ok: "green", note: "dim", warning: "yellow", problem: "red" };

/** Bits of a mode that give rights to the group and to others. */
const OTHERS = 0o077;
const FILES = ["", "/admin.token", "/leases.db", "/daemon.json"];

export default defineCommand({
  help: `Looks at the daemon, its pool (the ephemeral range, what Windows excludes), conflicts, missing holds, leases
without a server, the clock, and rights, and says what to do. Exit code 1 when there is a problem, 3 when no daemon
runs; this command never starts one.`,
  async run(context, flags) {
    const client = await findDaemon(context, flags, { start: false, withToken: true });
    const [status, leases] = await Promise.all([client.status(), client.listAll()]);
    const openFiles = findOpenFiles(status.stateDir);
    const firewall = leases.some(({ exposure }) => exposure !== null) ? await readFirewall(client) : undefined;
    const findings = diagnose({
      url: client.url,
      status,
      leases,
      now: Date.now(),
      version: VERSION,
      openFiles,
      firewall,
    });
    const { process } = context;
    if (flags.json) writeJson(process.stdout, { findings });
    else writeTable(process.stdout, HEAD, findings.map((f) => [f.check, [f.level, STYLES[f.level]], f.message]));
    if (findings.some(({ level }) => level === "problem")) process.exitCode = EXIT.failure;
  },
});

async function readFirewall(client: PortdClient): Promise<FirewallStatus | undefined> {
  try {
    return await client.firewall();
  } catch (error) {
    const isForbidden = error instanceof PortdError &&
      (error.code === "scope_required" || error.code === "unauthorized");
    if (isForbidden) return undefined;
    throw error;
  }
}

/**
 * Files of the folder that others may open; null where the folder is not ours. Windows has no such modes: there the
 * profile that the folder is in keeps others out.
 */
function findOpenFiles(stateDir: string): readonly string[] | null {
  try {
    return FILES.map((file) => stateDir + file).filter((path) => {
      const { mode } = Deno.statSync(path);
      return mode !== null && Deno.build.os !== "windows" && (mode & OTHERS) !== 0;
    });
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
