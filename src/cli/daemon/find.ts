/**
 * Finding the daemon that a command talks to: the address that was given, else the one in our state folder, else the
 * well-known one; where nobody answers, one is started.
 */
import { DEFAULT_URL, PortdClient } from "../../client/client.ts";
import type { Socket } from "../../client/socket.ts";
import { socketTransport } from "../../client/socket_transport.ts";
import { fetchTransport, NoDaemonError } from "../../client/transport.ts";
import { PortdError } from "../../errors.ts";
import { readDaemonFile } from "../../state/state_folder.ts";
import type { CliContext, CommonFlags } from "../context.ts";
import { UsageError } from "../exit.ts";
import { candidates, firstListening, stateDirOf } from "./places.ts";

const RETURN_TRIES = 40, RETURN_PAUSE_MS = 50;

/** Options of {@linkcode findDaemon}. */
export interface FindOptions {
  /** Whether a daemon is started when none runs and the user does not forbid it. @default true */
  readonly start?: boolean;
  /**
   * Whether the admin token is sent though the daemon does not ask for one with every call. `required` refuses to ask
   * without one: then whoever answers has proven to be the daemon. @default false
   */
  readonly withToken?: boolean | "required";
}

/**
 * A client of the daemon. Unless the address was given, somebody listens there.
 *
 * @throws {NoDaemonError} when nobody does and none is or can be started.
 */
export async function findDaemon(
  context: CliContext,
  flags: CommonFlags,
  options: FindOptions = {},
): Promise<PortdClient> {
  const { start = true, withToken = false } = options;
  const given = flags.url ?? context.env.PORTD_URL;
  const { answerMs: timeoutMs } = context;
  if (given) {
    const url = parseUrl(given), token = context.env.PORTD_TOKEN || undefined;
    if (withToken === "required" && token === undefined) throw noToken(url);
    return clientFor(url, { token, timeoutMs });
  }
  const stateDir = stateDirOf(context, flags);
  const found = await firstListening(candidates(context, stateDir)) ?? await awaitReturn(stateDir) ??
    (start && mayStart(context, flags) ? await startOne(context, stateDir) : undefined);
  if (found === undefined) throw nobodyThere(context, stateDir, flags);
  const takesToken = withToken !== false || readDaemonFile(stateDir)?.needsToken === true;
  const token = context.env.PORTD_TOKEN || (takesToken ? await tokenFor(found.url, stateDir) : undefined);
  if (withToken === "required" && !token) {
    found.socket?.close();
    throw noToken(found.url);
  }
  return clientFor(found.url, { socket: found.socket, token, timeoutMs });
}

/**
 * Does something without the token, and where the daemon asks for it after all, once more with it: another process for a
 * lease that is open to the outside, say.
 *
 * @throws what `work` throws; `scope_required` where there is no token to be had.
 */
export async function withTokenIfAsked<T>(
  context: CliContext,
  flags: CommonFlags,
  client: PortdClient,
  work: (client: PortdClient) => Promise<T>,
): Promise<T> {
  try {
    return await work(client);
  } catch (error) {
    if (client.hasToken || !(error instanceof PortdError) || error.code !== "scope_required") throw error;
    return await work(await findDaemon(context, flags, { start: false, withToken: true }));
  }
}

/**
 * Waits for a daemon that runs and is not listening: it does so for a moment when it was flooded with connections.
 * Returns `undefined` at once where our state folder names none that runs.
 */
async function awaitReturn(stateDir: string): Promise<{ readonly url: string; readonly socket?: Socket } | undefined> {
  const recorded = readDaemonFile(stateDir);
  if (recorded === undefined || recorded.startTime === "") return undefined;
  const { isRunning }: typeof import("./token.ts") = await load("own_token");
  for (let tries = 0; tries < RETURN_TRIES && isRunning(recorded); tries++) {
    await new Promise((resolve) => setTimeout(resolve, RETURN_PAUSE_MS));
    const found = await firstListening([recorded.url]);
    if (found !== undefined) return found;
  }
  return undefined;
}

function parseUrl(text: string): string {
  if (/^https?:\/\/[^\s/?#@]+\/?(?:v1\/?)?$/.test(text) && URL.canParse(text)) return text;
  throw new UsageError(`Cannot use the address ${JSON.stringify(text)}: must be like ${DEFAULT_URL}`);
}

interface ClientParts {
  readonly socket?: Socket | undefined;
  readonly token?: string | undefined;
  readonly timeoutMs?: number | undefined;
}

function clientFor(url: string, { socket, token, timeoutMs }: ClientParts): PortdClient {
  const transport = url.startsWith("http://") ? socketTransport(socket) : fetchTransport();
  return new PortdClient({
    url,
    transport,
    ...(token === undefined ? {} : { token }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
}

function mayStart({ env }: CliContext, flags: CommonFlags): boolean {
  return !flags.noStart && !/^(?:0|no|off|false)$/i.test(env.PORTD_AUTOSTART ?? "");
}

async function startOne(
  context: CliContext,
  stateDir: string,
): Promise<{ readonly url: string; readonly socket?: Socket }> {
  const { refuseToReplaceService }: typeof import("./service_guard.ts") = await load("service_guard");
  await refuseToReplaceService(context);
  const { startDaemon }: typeof import("./start.ts") = await load("start_daemon");
  return { url: await startDaemon(context, { stateDir }) };
}

async function tokenFor(url: string, stateDir: string): Promise<string | undefined> {
  const { ownToken }: typeof import("./token.ts") = await load("own_token");
  return ownToken(stateDir, url);
}

/** What most commands do not need; see main.ts for why the import chooses. */
function load(part: "start_daemon" | "own_token" | "service_guard") {
  return import(
    part === "start_daemon" ? "./start.ts" : part === "own_token" ? "./token.ts" : "./service_guard.ts"
  );
}

function noToken(url: string): PortdError {
  const message =
    `Cannot do this at ${url} without the admin token: it is in the state folder of the daemon, for its ` +
    "user and administrators; who has it sets PORTD_TOKEN";
  return new PortdError("scope_required", message, { scope: "expose" });
}

function nobodyThere(context: CliContext, stateDir: string, flags: CommonFlags): NoDaemonError {
  const tried = candidates(context, stateDir).join(" and ");
  const why = mayStart(context, flags) ? "" : ", and starting one is switched off";
  return new NoDaemonError(
    `Cannot find a daemon: nobody answers at ${tried}${why}; start one with: portd serve --detach`,
  );
}
