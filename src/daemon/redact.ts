/** Keeping the token out of the log, whatever a caller writes it into: a path, a name, an id of a request. */
import type { WriteDetails, WriteLine } from "../log_line.ts";

const INSTEAD = "<token>";

/** What the daemon's parts write with. */
interface Writers {
  readonly log: WriteLine;
  readonly details: WriteDetails | undefined;
}

/** The same writers; where the token is in a line or a field, something else is in its place. */
export function withoutToken({ log, details }: Writers, token: string): Writers {
  const redact = <Value>(value: Value) => typeof value === "string" ? value.replaceAll(token, INSTEAD) : value;
  return {
    log: (line, level) => log(redact(line), level),
    details: details &&
      ((line, fields) =>
        details(
          redact(line),
          Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, redact(value)])),
        )),
  };
}
