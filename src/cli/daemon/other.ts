/** Naming a daemon that is not the one of the state folder that was asked for: it has other leases. */
import type { PortdClient } from "../../client/client.ts";
import { PortdError } from "../../errors.ts";
import type { TextStream } from "../context.ts";
import { writeLine } from "../terminal.ts";

/** Prints whose daemon answers, unless it is that of the folder. @param stateDir is absolute. */
export async function nameOther(stderr: TextStream, client: PortdClient, stateDir: string): Promise<void> {
  try {
    const { user, stateDir: theirs } = await client.status();
    if (theirs === stateDir) return; // it could not write its address into the folder
    const who = user === null ? "portd" : `portd of ${user}`;
    writeLine(stderr, `note: ${who}, state in ${theirs}, answers at ${client.url}; no daemon of ${stateDir} runs`);
  } catch (error) {
    // Then the command itself gets the same answer, and says so.
    if (!(error instanceof PortdError)) throw error;
  }
}
