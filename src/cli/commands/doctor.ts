/** `portd doctor`: looks for problems; never starts a daemon. */
import { fieldsOf } from "../answer.ts";
import { COMMON_FLAGS, defineCommand, switchFlag, textFlag } from "../command.ts";
import { findDaemon } from "../daemon/find.ts";
import { diagnose, type Finding, type Level } from "../doctor/diagnosis.ts";
import { lookForSymptoms } from "../doctor/symptoms.ts";
import { SELF_TEST_FIELDS } from "../doctor/self_test_fields.ts";
import { EXIT, UsageError } from "../exit.ts";
import { writeTable } from "../table.ts";
import { type Style, writeJson } from "../terminal.ts";

const HEAD = ["CHECK", "LEVEL", { title: "FINDING", least: 24, wraps: true }] as const;
const STYLES: Readonly<Record<Level, Style>> = { ok: "green", note: "dim", warning: "yellow", problem: "red" };

const FIELDS = fieldsOf<Finding>({ check: true, level: true, message: true });

export default defineCommand({
  answer: { fields: [...FIELDS, ...SELF_TEST_FIELDS], list: "findings" },
  flags: {
    selfTest: switchFlag("Prove instead what portd assumes about this machine; needs no daemon"),
    elevated: switchFlag("With --self-test: also the parts that take an administrator's rights; asks first"),
    cleanup: switchFlag("With --self-test: only remove what earlier self-tests have left"),
    yes: switchFlag("Do not ask for confirmation"),
    /** What a self-test starts itself with. */
    selfTestPart: { ...textFlag("PART", "What a self-test starts"), hidden: true },
    ...COMMON_FLAGS,
  },
  help: `Looks at the daemon, its pool (the ephemeral range, what Windows excludes), conflicts, servers that listen on
another port than their lease or outlive their portd run, missing holds, leases without a server, the clock, the disk,
rights, firewall, router and line, and says what to do. Exit code 1 when there is a problem, 3 when no daemon runs; this command never starts
one.

With --self-test it tries on this machine what portd builds upon, and prints for each item ok, fail or skipped, with the
reason and what was measured. Exit code 1 when an item fails. The report has no user names and no command lines.`,
  usage: [
    "[--json]",
    { input: "--self-test --json > report.json", brief: "what to send with a bug report" },
    { input: "--self-test --elevated", brief: "as administrator: firewall, services, reserved ports too" },
    { input: "--self-test --cleanup", brief: "remove what a self-test has left that was killed" },
  ],
  async run(context, flags) {
    const { selfTest, elevated, cleanup, yes, selfTestPart } = flags;
    if (selfTest || selfTestPart !== undefined) {
      const self: typeof import("../doctor/self_test.ts") = await import("../doctor/self_test.ts" as string);
      return selfTestPart === undefined
        ? await self.selfTest(context, flags)
        : await self.playSelfTestPart(context, selfTestPart);
    }
    if (elevated || cleanup || yes) {
      throw new UsageError("Cannot use --elevated, --cleanup or --yes here: they belong to --self-test");
    }
    const client = await findDaemon(context, flags, { start: false, withToken: true });
    const findings = diagnose(await lookForSymptoms(context, client));
    const { process } = context;
    if (flags.json) writeJson(process.stdout, { findings });
    else writeTable(process.stdout, HEAD, findings.map((f) => [f.check, [f.level, STYLES[f.level]], f.message]));
    if (findings.some(({ level }) => level === "problem")) process.exitCode = EXIT.failure;
  },
});
