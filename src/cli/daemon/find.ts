/**
 * Finding the daemon that a command talks to: at the address that was given, else at the one in our state folder, else
 * at the well-known one. Where nobody listens, a daemon is started. cli.ts says why imports are `as string`.
 */
import { DEFAULT_URL, PortdClient } from "../../client/client.ts";
import { socketTransport } from "../../client/socket_transport.ts";
import { fetchTransport, NoDaemonError } from "../../client/transport.ts";
import { PortdError } from "../../errors.ts";
import { readDaemonFile, tokenFileOf } from "../../state/state_folder.ts";
import { type CliContext, type CommonFlags, given } from "../context.ts";
import { UsageError } from "../exit.ts";
import { candidates, firstListening, type Listening, stateDirOf } from "./places.ts";

/** Options of {@linkcode findDaemon}. */
export interface FindOptions {
  /** Whether a daemon is started when none runs, unless the user forbids it. @default true */
  readonly start?: boolean;
  /**
   * Whether the admin token is sent, also where the daemon does not ask for it with every call. With `required` nothing
   * is asked without it: then whoever answers has proven to be the daemon. @default false
   */
  readonly withToken?: boolean | "required";
  /** Whether a daemon of another folder than `--state-dir` is named on stderr. @default true */
  readonly namesOther?: boolean;
}

/**
 * A client of the daemon. Unless the address was given, somebody listens there.
 *
 * @throws {NoDaemonError} when nobody listens and no daemon may or can be started.
 */
export async function findDaemon(
  context: CliContext,
  flags: CommonFlags,
  options: FindOptions = {},
): Promise<PortdClient> {
  const { start = true, withToken = false, namesOther = true } = options;
  const given = flags.url ?? context.env.PORTD_URL;
  const { answerMs: timeoutMs } = context;
  if (given) {
    const url = parseUrl(given), token = context.env.PORTD_TOKEN || undefined;
    const client = clientFor({ url }, { token, timeoutMs });
    if (withToken === "required" && token === undefined) throw await noToken(client);
    return client;
  }
  const stateDir = stateDirOf(context, flags);
  const places = () => candidates(context, { listen: context.env.PORTD_LISTEN, stateDir });
  const found = await firstListening(places()) ?? await awaitRecorded(stateDir) ??
    (start && mayStart(context, flags) ? await startOne(context, flags, stateDir) : undefined);
  if (found === undefined) throw nobodyThere(await Array.fromAsync(places()), mayStart(context, flags));
  const takesToken = withToken !== false || readDaemonFile(stateDir)?.needsToken === true;
  const token = context.env.PORTD_TOKEN ||
    (takesToken ? (await loadRecorded()).ownToken(stateDir, found.url) : undefined);
  if (withToken === "required" && !token) {
    throw await noToken(clientFor(found, { token, timeoutMs }), stateDir);
  }
  const client = clientFor(found, { token, timeoutMs });
  const isAsked = namesOther && flags.stateDir !== undefined && !flags.json;
  if (isAsked && readDaemonFile(stateDir)?.url !== found.url) {
    const { nameOther }: typeof import("./other.ts") = await import("./other.ts" as string);
    await nameOther(context.process.stderr, client, stateDir);
  }
  return client;
}

/**
 * Works without the token, and where the daemon refuses that, once more with it. The daemon asks for it, for instance,
 * when a lease that is open to the outside gets another process.
 *
 * @throws what `work` throws; `scope_required` where we have no token.
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
    return await work(await findDaemon(context, flags, { start: false, withToken: true, namesOther: false }));
  }
}

/** Waits for the daemon of our state folder, in case it runs and does not listen for a moment. */
async function awaitRecorded(stateDir: string): Promise<Listening | undefined> {
  const daemon = readDaemonFile(stateDir);
  if (daemon === undefined || daemon.startTime === "") return undefined;
  return await (await loadRecorded()).awaitListening(daemon);
}

function parseUrl(text: string): string {
  if (/^https?:\/\/[^\s/?#@]+\/?(?:v1\/?)?$/.test(text) && URL.canParse(text)) return text;
  throw new UsageError(`Cannot use the address ${JSON.stringify(text)}: must be like ${DEFAULT_URL}`);
}

function clientFor(
  { url, socket }: Listening,
  options: { readonly token: string | undefined; readonly timeoutMs: number | undefined },
): PortdClient {
  const transport = url.startsWith("http://") ? socketTransport(socket) : fetchTransport();
  return new PortdClient({ url, transport, ...given(options) });
}

function mayStart({ env }: CliContext, flags: CommonFlags): boolean {
  return !flags.noStart && !/^(?:0|no|off|false)$/i.test(env.PORTD_AUTOSTART ?? "");
}

async function startOne(context: CliContext, flags: CommonFlags, stateDir: string): Promise<Listening> {
  const { refuseToReplaceService, startDaemon }: typeof import("./start.ts") = await import("./start.ts" as string);
  await refuseToReplaceService(context, flags);
  return { url: await startDaemon(context, { stateDir }) };
}

/** @throws {NoDaemonError} when something else than portd answers. */
async function requirePortd(client: PortdClient): Promise<void> {
  try {
    await client.status();
  } catch (error) {
    if (!(error instanceof PortdError)) throw error; // a portd that says so only with a token is one
  }
}

function loadRecorded(): Promise<typeof import("./recorded.ts")> {
  return import("./recorded.ts" as string);
}

/**
 * @param stateDir is the folder in which there is no token for the daemon.
 * @throws {NoDaemonError} when something else than portd answers.
 */
async function noToken(client: PortdClient, stateDir?: string): Promise<PortdError> {
  await requirePortd(client);
  const { url } = client;
  const elsewhere = stateDir === undefined ? "" : `${tokenFileOf(stateDir)} is not that of the daemon there, and `;
  const message =
    `Cannot do this at ${url} without the admin token: ${elsewhere}the token is in the file admin.token of the ` +
    "daemon's state folder, which portd status shows; only the daemon's user and administrators can read it; give it " +
    "as PORTD_TOKEN";
  return new PortdError("scope_required", message, { scope: "expose" });
}

function nobodyThere(tried: readonly string[], mayStart: boolean): NoDaemonError {
  const why = mayStart ? "" : ", and starting one is switched off";
  return new NoDaemonError(
    `Cannot find a daemon: nobody answers at ${tried.join(" and ")}${why}; start one with: portd serve --detach`,
  );
}
