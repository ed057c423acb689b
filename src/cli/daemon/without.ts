/**
 * Questions about ports that can be answered without a daemon: then this process looks itself. cli.ts says why imports are
 * `as string`.
 */
import type { PortdClient } from "../../client/client.ts";
import { NoDaemonError, UnprovenPeerError } from "../../client/transport.ts";
import { messageOf } from "../../errors.ts";
import type { LocalLook } from "../../inspect/local.ts";
import type { CliContext, CommonFlags } from "../context.ts";
import { isTimeout, withListener } from "../exit.ts";
import { writeLine } from "../terminal.ts";
import { findDaemon } from "./find.ts";

/** What answers: a daemon, or this process. */
export type PortSource = Pick<PortdClient, "listeners" | "describePort"> | LocalLook;

/** An answer, and what has answered; disposing of it closes what it has open. */
export interface PortAnswer<Answer> extends Disposable {
  readonly answer: Answer;
  readonly source: PortSource;
  /** The daemon that has answered; `undefined` where there was none. */
  readonly client?: PortdClient;
  /** Whether there was no daemon: no lease is known then. */
  readonly isLocal: boolean;
}

/**
 * Asks the daemon, which is started where none runs. Where there is none all the same, or something else has its address,
 * this process looks itself, and stderr says so. Not where the address was given: then that daemon was meant; nor where what
 * has the address should have known the token and does not.
 *
 * @param ask gets the client where the daemon is asked.
 * @throws what `ask` throws; what asking the daemon threw where `ask` returns `undefined` without a client.
 */
export async function askOrLook<Answer>(
  context: CliContext,
  flags: CommonFlags,
  ask: (source: PortSource, client?: PortdClient) => Promise<Answer> | undefined,
): Promise<PortAnswer<Answer>> {
  try {
    const client = await findDaemon(context, flags);
    return { answer: (await ask(client, client))!, source: client, client, isLocal: false, [Symbol.dispose]() {} };
  } catch (error) {
    const isGiven = (flags.url ?? context.env.PORTD_URL) !== undefined;
    const isAbsent = (error instanceof NoDaemonError && !(error instanceof UnprovenPeerError)) || isTimeout(error);
    if (isGiven || !isAbsent) throw error;
    const { openLocalLook }: typeof import("../../inspect/local.ts") = await import("../../inspect/local.ts" as string);
    const source = openLocalLook();
    const close = () => source[Symbol.dispose]();
    try {
      const answer = await ask(source);
      if (answer === undefined) throw error;
      const reason = messageOf(await withListener(context, flags, error));
      if (!flags.json) writeLine(context.process.stderr, `note: without a daemon no lease is known: ${reason}`);
      return { answer, source, isLocal: true, [Symbol.dispose]: close };
    } catch (failure) {
      close();
      throw failure;
    }
  }
}
