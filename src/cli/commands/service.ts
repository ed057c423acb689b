/** `portd service …`: portd as a service of the operating system. The same words on the three systems. */
import { buildRouteMap } from "@stricli/core";
import type { ServiceControl, Step } from "../../service/service.ts";
import { command, COMMON_FLAGS, parsedFlag, switchFlag } from "../command.ts";
import type { CliContext, CommonFlags } from "../context.ts";
import { CONFIG_FLAGS, type ConfigFlags } from "../daemon/config_flags.ts";
import { parseCount, parsePath } from "../parse.ts";
import { install, type InstallFlags } from "../service/install.ts";
import { type LogsFlags, tellLogs } from "../service/logs.ts";
import { runService } from "../service/run.ts";
import { tellStatus } from "../service/status.ts";
import {
  carryOut,
  type ChangeFlags,
  checkRights,
  openControl,
  restartSteps,
  type ServiceFlags,
} from "../service/steps.ts";
import { uninstall, type UninstallFlags } from "../service/uninstall.ts";
import { toJson } from "../terminal.ts";

const SERVICE_FLAGS = {
  user: switchFlag("The service of this user, in the place of the system's (not on Windows)"),
  stateDir: parsedFlag("DIR", "State folder of the service (never that of PORTD_STATE_DIR)", parsePath),
  json: COMMON_FLAGS.json,
} as const;

const CHANGE_FLAGS = {
  dryRun: switchFlag("Tell what would be done, and do nothing; takes no rights"),
  ...SERVICE_FLAGS,
} as const;

const installCommand = command<InstallFlags, []>({
  parameters: {
    flags: {
      reservePool: switchFlag("Have the system keep the ports of the pool for portd (not on macOS)"),
      ...CONFIG_FLAGS,
      ...CHANGE_FLAGS,
    },
  },
  docs: {
    brief: "Install the service, or put this portd in the place of another version",
    fullDescription:
      `Installs portd so that it starts with the machine, or with --user with the user's session, and again when it
fails. A service that runs is stopped before and started after; one that is installed just so is left alone. The
settings must be given as flags or stand in config.yaml: the service does not see PORTD_ variables. Prints where the
service is defined.`,
    customUsage: [
      "[--user] [--dry-run] [--reserve-pool] [--state-dir DIR] [--listen HOST:PORT] [--pool A-B,...] [--set key=value]...",
      { input: "--dry-run", brief: "what would be done, with every text that would be written" },
      { input: "--user", brief: "for yourself alone, without root" },
    ],
  },
  run: install,
});

const uninstallCommand = command<UninstallFlags, []>({
  parameters: {
    flags: {
      purge: switchFlag("Remove its leases, its token and its log too; asks first"),
      yes: switchFlag("Do not ask"),
      ...CHANGE_FLAGS,
    },
  },
  docs: {
    brief: "Take the service away; its leases stay",
    fullDescription:
      `Stops the service and takes away all that install has made. The state folder stays, and with it the leases, unless
--purge is given: that removes what portd itself has written there, and the folder when nothing else is in it.`,
    customUsage: ["[--user] [--dry-run] [--purge [--yes]]"],
  },
  run: uninstall,
});

const startCommand = change("start", {
  brief: "Start the service and wait until it is ready",
  settled: "already running",
  steps: (control) => control.start(),
});

const stopCommand = change("stop", {
  brief: "Stop the service and wait until it has ended",
  settled: "already stopped",
  steps: (control) => control.stop(),
});

const restartCommand = change("restart", {
  brief: "Stop the service and start it again",
  settled: "already running",
  steps: restartSteps,
});

const statusCommand = command<ServiceFlags, []>({
  parameters: { flags: SERVICE_FLAGS },
  docs: {
    brief: "Tell how the service is",
    fullDescription:
      `Tells what the system says of the service, and whether it answers. Exit code 0 when it runs and answers, else 1.`,
    customUsage: ["[--user] [--json]"],
  },
  run: tellStatus,
});

const logsCommand = command<LogsFlags, []>({
  parameters: {
    flags: {
      follow: switchFlag("Go on with the lines that come, until Ctrl-C"),
      lines: parsedFlag("N", "So many of the last lines (50)", parseCount),
      ...SERVICE_FLAGS,
    },
  },
  docs: {
    brief: "Print the service's log",
    fullDescription: "Prints the last lines of the service's log: of the journal on Linux, else of daemon.log.",
    customUsage: ["[--user] [--follow] [--lines N]"],
  },
  run: tellLogs,
});

const runCommand = command<CommonFlags & ConfigFlags, []>({
  parameters: { flags: { ...CONFIG_FLAGS, ...COMMON_FLAGS } },
  docs: {
    brief: "What the system starts",
    fullDescription: "Runs the daemon as the service. The system calls it; portd serve is for everybody else.",
    customUsage: ["[FLAGS]"],
  },
  run: runService,
});

export default buildRouteMap({
  routes: {
    install: installCommand,
    uninstall: uninstallCommand,
    start: startCommand,
    stop: stopCommand,
    restart: restartCommand,
    status: statusCommand,
    logs: logsCommand,
    run: runCommand,
  },
  docs: { brief: "Install portd as a service of the system, and look after it", hideRoute: { run: true } },
});

interface Change {
  readonly brief: string;
  /** What is said when there is nothing to do. */
  readonly settled: string;
  readonly steps: (control: ServiceControl) => Promise<readonly Step[]>;
}

function change(name: string, { brief, settled, steps }: Change) {
  return command<ChangeFlags, []>({
    parameters: { flags: CHANGE_FLAGS },
    docs: { brief, customUsage: ["[--user] [--dry-run]", { input: "--dry-run", brief: `how it would ${name}` }] },
    async run(context: CliContext, flags) {
      const control = await openControl(context, flags);
      await checkRights(control, flags);
      const todo = await steps(control);
      await carryOut(context, flags, todo);
      if (todo.length === 0) context.process.stderr.write(`${settled}\n`);
      if (flags.dryRun || !flags.json) return;
      const { state } = await control.status();
      context.process.stdout.write(`${toJson({ state, steps: todo.map(({ does }) => does) })}\n`);
    },
  });
}
