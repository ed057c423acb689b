/** `portd service …`: portd as a service of the operating system. The same commands on the three systems. */
import { buildRouteMap } from "@stricli/core";
import type { ServiceControl, Step } from "../../service/service.ts";
import type { Having } from "../answer.ts";
import { COMMON_FLAGS, defineCommand, parsedFlag, switchFlag } from "../command.ts";
import { CONFIG_FLAGS } from "../daemon/config_flags.ts";
import { parseCount, parsePath } from "../parse.ts";
import { install, INSTALL_FIELDS } from "../service/install.ts";
import { LOG_FIELDS, printLogs } from "../service/logs.ts";
import { runService } from "../service/run.ts";
import { printStatus, STATUS_FIELDS } from "../service/status.ts";
import { carryOut, openToChange, restartSteps, STEP_FIELDS } from "../service/steps.ts";
import { uninstall, UNINSTALL_FIELDS } from "../service/uninstall.ts";
import { writeJson } from "../terminal.ts";

const SERVICE_FLAGS = {
  user: switchFlag("The service of this user instead of the system's (not on Windows)"),
  stateDir: parsedFlag("DIR", "State folder of the service (PORTD_STATE_DIR does not count)", parsePath),
  json: COMMON_FLAGS.json,
} as const;

const CHANGE_FLAGS = {
  dryRun: switchFlag("Print what would be done, and do nothing; needs no rights"),
  ...SERVICE_FLAGS,
} as const;

/** Of start, stop and restart. */
const CHANGE_FIELDS = ["state", "steps"] as const;

export default buildRouteMap({
  routes: {
    install: defineCommand({
      flags: {
        reservePool: switchFlag("Windows: keep the ports of the pool from Hyper-V and other services"),
        ...CONFIG_FLAGS,
        ...CHANGE_FLAGS,
      },
      brief: "Install the service, or replace another version by this portd",
      help:
        `Installs portd so that it starts with the machine (with --user: when the user logs in), and again after a failure.
A running service is stopped and started again; one that is already installed like this is left alone. On Windows
portd.exe is copied to %ProgramFiles%\\portd and started once; where it does not start, the one before it is put back. Give
settings as flags or in config.yaml: the service does not see PORTD_ variables. After a change of config.yaml run "portd service
restart"; no lease is lost. Prints where the service is defined.`,
      usage: [
        "[--user] [--dry-run] [--reserve-pool] [--state-dir DIR] [--listen HOST:PORT] [--pool A-B,...] [--set key=value]...",
        { input: "--dry-run", brief: "what would be done, with every text that would be written" },
        { input: "--user", brief: "only for yourself, without root" },
      ],
      answer: { fields: [...INSTALL_FIELDS, ...STEP_FIELDS] },
      run: install,
    }),
    uninstall: defineCommand({
      flags: {
        purge: switchFlag("Remove its leases, token and log too; asks first"),
        yes: switchFlag("Do not ask for confirmation"),
        ...CHANGE_FLAGS,
      },
      brief: "Remove the service; its leases stay",
      help:
        `Stops the service and removes all that install has made. The state folder stays with the leases in it, unless
--purge is given: that removes what portd itself has written there, and the folder when nothing else is in it.`,
      usage: ["[--user] [--dry-run] [--purge [--yes]]"],
      answer: { fields: [...UNINSTALL_FIELDS, ...STEP_FIELDS] },
      run: uninstall,
    }),
    start: change("start", {
      brief: "Start the service and wait until it is ready",
      settled: "already running",
      steps: (control) => control.start(),
    }),
    stop: change("stop", {
      brief: "Stop the service and wait until it has ended",
      settled: "already stopped",
      steps: (control) => control.stop(),
    }),
    restart: change("restart", {
      brief: "Stop the service and start it again",
      settled: "already running",
      steps: restartSteps,
    }),
    status: defineCommand({
      flags: SERVICE_FLAGS,
      brief: "Print the state of the service",
      help:
        `Prints what the system says about the service, and whether it answers. Exit code 0 when it runs and answers, else 1.`,
      usage: ["[--user] [--json]"],
      answer: { fields: STATUS_FIELDS },
      run: printStatus,
    }),
    logs: defineCommand({
      flags: {
        follow: switchFlag("Print new lines too, until Ctrl-C"),
        lines: parsedFlag("N", "How many of the last lines (50)", parseCount),
        ...SERVICE_FLAGS,
      },
      brief: "Print the service's log",
      help: "Prints the last lines of the service's log: of the journal on Linux, else of daemon.log.",
      usage: ["[--user] [--follow] [--lines N]"],
      answer: { fields: LOG_FIELDS },
      run: printLogs,
    }),
    run: defineCommand({
      flags: { ...CONFIG_FLAGS, ...COMMON_FLAGS },
      brief: "What the system starts",
      help: "Runs the daemon as the service. Only the system calls it; use portd serve yourself.",
      usage: ["[FLAGS]"],
      run: runService,
    }),
  },
  docs: { brief: "Install portd as a service of the system, start it, stop it", hideRoute: { run: true } },
});

/** A command that changes the service in these steps; it prints `settled` where there are none. */
function change(name: string, { brief, settled, steps }: {
  readonly brief: string;
  readonly settled: string;
  readonly steps: (control: ServiceControl) => Promise<readonly Step[]>;
}) {
  return defineCommand({
    flags: CHANGE_FLAGS,
    answer: { fields: [...CHANGE_FIELDS, ...STEP_FIELDS] },
    brief,
    usage: ["[--user] [--dry-run]", { input: "--dry-run", brief: `how it would ${name}` }],
    async run(context, flags) {
      const control = await openToChange(context, flags);
      const todo = await steps(control);
      await carryOut(context, flags, todo);
      if (todo.length === 0) context.process.stderr.write(`${settled}\n`);
      if (flags.dryRun || !flags.json) return;
      const { state } = await control.status();
      const answer = { state, steps: todo.map(({ does }) => does) };
      writeJson(context.process.stdout, answer satisfies Having<typeof CHANGE_FIELDS>);
    },
  });
}
