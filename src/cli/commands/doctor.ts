/** `portd doctor`: looks for problems; never starts a daemon. */
import { defineCommand } from "../command.ts";
import { findDaemon } from "../daemon/find.ts";
import { diagnose, type Level } from "../doctor/diagnosis.ts";
import { lookForSymptoms } from "../doctor/symptoms.ts";
import { EXIT } from "../exit.ts";
import { writeTable } from "../table.ts";
import { type Style, writeJson } from "../terminal.ts";

const HEAD = ["CHECK", "LEVEL", { title: "FINDING", least: 24, wraps: true }] as const;
const STYLES: Readonly<Record<Level, Style>> = { ok: "green", note: "dim", warning: "yellow", problem: "red" };

export default defineCommand({
  help: `Looks at the daemon, its pool (the ephemeral range, what Windows excludes), conflicts, servers that listen on
another port than their lease or outlive their portd run, missing holds, leases without a server, the clock, the disk,
and rights, and says what to do. Exit code 1 when there is a problem, 3 when no daemon runs; this command never starts
one.`,
  async run(context, flags) {
    const client = await findDaemon(context, flags, { start: false, withToken: true });
    const findings = diagnose(await lookForSymptoms(context, client));
    const { process } = context;
    if (flags.json) writeJson(process.stdout, { findings });
    else writeTable(process.stdout, HEAD, findings.map((f) => [f.check, [f.level, STYLES[f.level]], f.message]));
    if (findings.some(({ level }) => level === "problem")) process.exitCode = EXIT.failure;
  },
});
