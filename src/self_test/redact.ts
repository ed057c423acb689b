/** Keeps out of a report who uses the machine. Pure. */

/** What a report must not name. */
export interface Identity {
  /** The folder of the user's own files; `undefined` where it is not known. */
  readonly home: string | undefined;
  readonly user: string | undefined;
  readonly host: string | undefined;
}

/** A SID of an account of this machine or of a domain: it identifies the account wherever it occurs. */
const ACCOUNT_SID = /\bS-1-5-21(?:-\d+)+/g;
/** Names that are shorter would also be found within other words. */
const SHORTEST_NAME = 3;

/** Who runs this process, from its environment. */
export function identityOf(env: Readonly<Record<string, string | undefined>>, host: string | undefined): Identity {
  return { home: env.USERPROFILE ?? env.HOME, user: env.USERNAME ?? env.USER, host };
}

/** @returns what replaces home folder, user name, host name and account SIDs in every text of a JSON value. */
export function redactor({ home, user, host }: Identity): (value: unknown) => unknown {
  const isPath = (text: string | undefined): text is string => text !== undefined && /[^/\\:]/.test(text);
  const homes = isPath(home) ? [...new Set([home, home.replaceAll("\\", "\\\\"), home.replaceAll("\\", "/")])] : [];
  const redactText = (text: string) => {
    let found = text.replaceAll(ACCOUNT_SID, "<account>");
    for (const each of homes) found = found.replaceAll(anyCase(escapeRegExp(each)), "<home>");
    for (const [name, word] of [[user, "<user>"], [host, "<host>"]] as const) {
      if (name === undefined || name.length < SHORTEST_NAME) continue;
      found = found.replaceAll(anyCase(`(?<![\\w-])${escapeRegExp(name)}(?![\\w-])`), word);
    }
    return found;
  };
  const redact = (value: unknown): unknown => {
    if (typeof value === "string") return redactText(value);
    if (Array.isArray(value)) return value.map(redact);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, redact(each)]));
  };
  return redact;
}

function anyCase(pattern: string): RegExp {
  return new RegExp(pattern, "gi");
}

function escapeRegExp(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
