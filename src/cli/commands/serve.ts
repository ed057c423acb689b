/** `portd serve`: the daemon itself, in the foreground or in the background. */
import { loadConfig, type LoadedConfig } from "../../config.ts";
import { COMMON_FLAGS, defineCommand, switchFlag } from "../command.ts";
import type { CliContext, CommonFlags } from "../context.ts";
import { CONFIG_FLAGS, type ConfigFlags, configWords, loadOptions } from "../daemon/config_flags.ts";
import { stateDirOf } from "../daemon/places.ts";
import { logFailure, serveUntilStopped } from "../daemon/serving.ts";
import { findOwn, startDaemon } from "../daemon/start.ts";
import { endSignals } from "../signals.ts";
import { writeJson } from "../terminal.ts";

/** `pid` of a daemon that runs here, `started` with `--detach`. */
const FIELDS = ["url", "pid", "started"] as const;

export default defineCommand({
  answer: { fields: FIELDS },
  flags: {
    detach: switchFlag("Start it in the background, and return when it is ready"),
    background: { ...switchFlag("Run without a terminal: errors go into the log"), hidden: true },
    ...CONFIG_FLAGS,
    ...COMMON_FLAGS,
  },
  help:
    `Runs the daemon until SIGTERM, Ctrl-C or portd stop, or until its window is closed. It logs to stderr and to daemon.log in the state folder.
Other commands start a daemon when none runs. The settings for --set: see portd config show.`,
  usage: [
    "[--detach] [--listen HOST:PORT] [--pool A-B,...] [--config FILE] [--set key=value]...",
    { input: "--detach", brief: "in the background; prints its address" },
    { input: "--listen 127.0.0.1:7700 --pool 21000-21999", brief: "another address and its own pool" },
    { input: "--set cooldownMs=0", brief: "with any setting" },
    { input: "--log-level debug --log-format json", brief: "a line for each request, for programs" },
  ],
  async run(context, flags) {
    if (flags.detach) return await detach(context, flags);
    let loaded: LoadedConfig | undefined;
    try {
      loaded = await loadConfig(await loadOptions(context, flags));
      await serve(context, flags, loaded);
    } catch (error) {
      if (flags.background) await logFailure(stateDirOf(context, flags), error, loaded?.config); // nobody reads stderr
      throw error;
    }
  },
});

async function serve(context: CliContext, flags: CommonFlags, loaded: LoadedConfig): Promise<void> {
  const stopping = new AbortController();
  const stopSignals = context.onSignal(endSignals(context.os), () => stopping.abort());
  const onReady = (url: string) => {
    if (flags.json) writeJson(context.process.stdout, { url, pid: Deno.pid });
  };
  try {
    await serveUntilStopped(context, loaded, { signal: stopping.signal, onReady });
  } finally {
    stopSignals();
  }
}

async function detach(context: CliContext, flags: CommonFlags & ConfigFlags): Promise<void> {
  const { config } = await loadConfig(await loadOptions(context, flags)); // here the user sees its errors
  const running = await findOwn(config.stateDir);
  const url = running ??
    await startDaemon(context, { stateDir: config.stateDir, flags: configWords(flags, context.cwd), own: true });
  if (running !== undefined && !flags.json) context.process.stderr.write("portd runs already\n");
  const { stdout } = context.process;
  if (flags.json) writeJson(stdout, { url, started: running === undefined });
  else stdout.write(`${url}\n`);
}
