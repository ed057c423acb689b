/** A whole daemon in this process, on a port of its own. */
import { createApp } from "../../routes/app.ts";
import { loadConfig } from "../../src/config.ts";
import { checkedFetch } from "./openapi/checked_fetch.ts";
import { type DaemonOptions, runDaemon } from "../../src/daemon/daemon.ts";

/** A running daemon. */
export interface TestDaemon extends AsyncDisposable {
  readonly url: string;
  readonly logged: string[];
  /** Resolves when the daemon has ended. */
  readonly ended: Promise<void>;
}

/** Starts a daemon over the folder; throws what the daemon throws at its start. */
export async function startTestDaemon(
  stateDir: string,
  flags: Record<string, string> = {},
  options: Partial<Pick<DaemonOptions, "endsWithStarter" | "log" | "details">> = {},
): Promise<TestDaemon> {
  const { config } = await loadConfig({ flags: { listen: "127.0.0.1:0", ...flags }, env: {}, stateDir });
  const stopping = new AbortController();
  const ready = Promise.withResolvers<string>();
  const logged: string[] = [], faults: Error[] = [];
  const ended = runDaemon(config, {
    signal: stopping.signal,
    createApp: (services) => ({ fetch: checkedFetch(createApp(services).fetch, (fault) => void faults.push(fault)) }),
    log: (line) => logged.push(line),
    ...options,
    onReady: ready.resolve,
  });
  const url = await Promise.race([
    ready.promise,
    ended.then(() => Promise.reject(new Error("ended before it was ready"))),
  ]);
  return {
    url,
    logged,
    ended,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await ended;
      if (faults.length > 0) throw faults[0];
    },
  };
}
