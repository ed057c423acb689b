import { loadConfig } from "/work/main/src/config.ts";
import { runDaemon } from "/work/main/src/daemon.ts";
import { createApp } from "/work/main/routes/app.ts";
const { config } = await loadConfig({ flags: JSON.parse(Deno.args[0] ?? "{}"), env: {}, stateDir: "/tmp/x/state" });
const c = new AbortController(); Deno.addSignalListener("SIGTERM", () => c.abort());
const t = performance.now();
await runDaemon(config, { signal: c.signal, createApp, log: (l) => console.error(l), onReady: (u) => console.error("ready", u, performance.now() - t) });
