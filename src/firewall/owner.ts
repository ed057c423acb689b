/** What tells the rules of one portd from those of another on the same host. */
import { createHash } from "node:crypto";

/** 8 hexadecimal digits made of the state folder: the same again after a restart, another for another folder. */
export function ownerOf(stateDir: string): string {
  return createHash("sha256").update(stateDir).digest("hex").slice(0, 8);
}
