/** Where a daemon may be: the state folder, the addresses to try, and whether anybody listens there. */
import { DEFAULT_URL, DEFAULT_WSL_URL } from "../../client/client.ts";
import { openSocket, type Socket } from "../../client/socket.ts";
import { NoDaemonError } from "../../client/transport.ts";
import { readPort } from "../../port/port.ts";
import { resolvePath } from "../../project/project.ts";
import { defaultStateDir, readDaemonFile } from "../../state/state_folder.ts";
import type { CliContext, CommonFlags } from "../context.ts";
import { UsageError } from "../exit.ts";

/** The state folder, absolute: `--state-dir`, PORTD_STATE_DIR, or the default of this system and user. */
export function stateDirOf({ env, cwd, os, isRoot }: CliContext, flags: CommonFlags): string {
  const given = flags.stateDir ?? env.PORTD_STATE_DIR;
  return given ? resolvePath(cwd, given) : defaultStateDir(os, env, isRoot);
}

/**
 * The addresses where a daemon may be, in the order in which they are tried. Whether this is WSL is looked up only where
 * the first one is not enough.
 *
 * @param listen is PORTD_LISTEN, or the same setting from elsewhere.
 */
export async function* candidates(
  context: Pick<CliContext, "wsl">,
  { listen, stateDir }: { readonly listen: string | undefined; readonly stateDir: string },
): AsyncGenerator<string> {
  const recorded = readDaemonFile(stateDir)?.url, set = urlOf(listen);
  if (recorded !== undefined) yield recorded;
  const wellKnown = set ?? await defaultUrl(context);
  if (wellKnown !== recorded) yield wellKnown;
}

/** An address on which somebody listens. */
export interface Listening {
  readonly url: string;
  /** The connection that shows it. */
  readonly socket?: Socket;
}

/** The first address on which somebody listens; `undefined` when nobody does. */
export async function firstListening(
  urls: readonly string[] | AsyncIterable<string>,
): Promise<Listening | undefined> {
  for await (const url of urls) {
    try {
      return { url, socket: await openSocket(url) };
    } catch (error) {
      if (!(error instanceof NoDaemonError)) throw error;
    }
  }
  return undefined;
}

/**
 * Where a daemon listens unless its configuration says otherwise.
 *
 * @throws {UsageError} when PORTD_LISTEN is no address.
 */
export async function wellKnownUrl(context: Pick<CliContext, "wsl">, listen: string | undefined): Promise<string> {
  return urlOf(listen) ?? await defaultUrl(context);
}

async function defaultUrl({ wsl }: Pick<CliContext, "wsl">): Promise<string> {
  return await wsl() === undefined ? DEFAULT_URL : DEFAULT_WSL_URL;
}

/** The address of a setting; `undefined` where it has none, or port 0. */
function urlOf(listen = ""): string | undefined {
  if (listen === "") return undefined;
  const [, host, digits = ""] = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/.exec(listen) ?? [];
  const port = readPort(digits, 0);
  if (host === undefined || port === undefined) {
    throw new UsageError(`Cannot use PORTD_LISTEN ${JSON.stringify(listen)}: must be like 127.0.0.1:7678`);
  }
  if (port === 0) return undefined;
  return `http://${host === "0.0.0.0" ? "127.0.0.1" : host === "[::]" ? "[::1]" : host}:${port}`;
}
