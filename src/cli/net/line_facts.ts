/** What a running daemon knows of the line, for `portd net`. */
import { NoDaemonError, UnprovenPeerError } from "../../client/transport.ts";
import { PortdError } from "../../errors.ts";
import type { CliContext, CommonFlags } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { isTimeout } from "../exit.ts";
import { verdictText } from "../line/line_text.ts";
import type { Fact } from "../terminal.ts";

/** The verdict; nothing where it is not known, or no daemon runs. Starts none. */
export async function lineFacts(context: CliContext, flags: CommonFlags): Promise<readonly Fact[]> {
  try {
    const client = await findDaemon(context, flags, { start: false });
    const line = await client.line();
    return line.verdict === "unknown" ? [] : [["line", `${verdictText(line)}; for more: portd line`]];
  } catch (error) {
    if (error instanceof UnprovenPeerError) throw error;
    const isOlder = error instanceof PortdError && error.code === "not_found";
    if (error instanceof NoDaemonError || isOlder || isTimeout(error)) return [];
    throw error;
  }
}
