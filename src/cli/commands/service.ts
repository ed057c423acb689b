/** `portd service …`: portd as a service of the operating system. The same commands on the three systems. */
import { buildRouteMap } from "@stricli/core";
import type { ServiceControl, Step } from "../../service/service.ts";
import { command, COMMON_FLAGS, parsedFlag, switchFlag } from "../command.ts";
import type { CliContext, CommonFlags } from "../context.ts";
import { CONFIG_FLAGS, type ConfigFlags } from "../daemon/config_flags.ts";
import { parseCount, parsePath } from "../parse.ts";
import { install, type InstallFlags } from "../service/install.ts";
import { type LogsFlags, printLogs } from "../service/logs.ts";
import { runService } from "../service/run.ts";
import { printStatus } from "../service/status.ts";
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
  user: switchFlag("The service of this user instead of the system's (not on Windows)"),
  stateDir: parsedFlag("DIR", "State folder of the service (PORTD_STATE_DIR does not count)", parsePath),
  json: COMMON_FLAGS.json,
} as const;

const CHANGE_FLAGS = {
  dryRun: switchFlag("Print what would be done, and do nothing; needs no rights"),
  ...SERVICE_FLAGS,
} as const;

const installCommand = command<InstallFlags, []>({
  parameters: {
    flags: {
      reservePool: switchFlag("Windows: keep the ports of the pool from Hyper-V and other services"),
      ...CONFIG_FLAGS,
      ...CHANGE_FLAGS,
    },
  },
  docs: {
    brief: "Install the service, or replace another version by this portd",
    fullDescription:
      `Installs portd so that it starts with the machine, or with --user with the user's session, and again when it
fails. A running service is stopped before and started after; one that is installed exactly so is left alone. Give
settings as flags or in config.yaml: the service does not see PORTD_ variables. A changed config.yaml counts after
portd service restart, which loses no lease. Prints where the service is defined.`,
    customUsage: [
      "[--user] [--dry-run] [--reserve-pool] [--state-dir DIR] [--listen HOST:PORT] [--pool A-B,...] [--set key=value]...",
      { input: "--dry-run", brief: "what would be done, with every text that would be written" },
      { input: "--user", brief: "only for yourself, without root" },
    ],
  },
  run: install,
});

const uninstallCommand = command<UninstallFlags, []>({
  parameters: {
    flags: {
      purge: switchFlag("Remove its leases, token and log too; asks first"),
      yes: switchFlag("Do not ask"),
      ...CHANGE_FLAGS,
    },
  },
  docs: {
    brief: "Remove the service; its leases stay",
    fullDescription:
      `Stops the service and removes all that install has made. The state folder stays with the leases in it, unless
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
    brief: "Print the state of the service",
    fullDescription:
      `Prints what the system says about the service, and whether it answers. Exit code 0 when it runs and answers, else 1.`,
    customUsage: ["[--user] [--json]"],
  },
  run: printStatus,
});

const logsCommand = command<LogsFlags, []>({
  parameters: {
    flags: {
      follow: switchFlag("Print new lines too, until Ctrl-C"),
      lines: parsedFlag("N", "How many of the last lines (50)", parseCount),
      ...SERVICE_FLAGS,
    },
  },
  docs: {
    brief: "Print the service's log",
    fullDescription: "Prints the last lines of the service's log: of the journal on Linux, else of daemon.log.",
    customUsage: ["[--user] [--follow] [--lines N]"],
  },
  run: printLogs,
});

const runCommand = command<CommonFlags & ConfigFlags, []>({
  parameters: { flags: { ...CONFIG_FLAGS, ...COMMON_FLAGS } },
  docs: {
    brief: "What the system starts",
    fullDescription: "Runs the daemon as the service. Only the system calls it; use portd serve yourself.",
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
  docs: { brief: "Install portd as a service of the system, start it, stop it", hideRoute: { run: true } },
});

interface Change {
  readonly brief: string;
  /** Printed when there is nothing to do. */
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
