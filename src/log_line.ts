/** What the parts of the daemon write into its log; src/daemon/log.ts is the log. */

/** The levels, the gravest first. `debug` is one line for each request. */
export const LOG_LEVELS = ["error", "warning", "info", "debug"] as const;

/** How grave a line is. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** How lines look: as text for people, or as one JSON document a line. */
export const LOG_FORMATS = ["text", "json"] as const;

/** One of them. */
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Writes a line for the operator. What is in it need not be escaped. @param level is `info` where none is given. */
export type WriteLine = (line: string, level?: "error" | "warning") => void;

/** Writes a line of the level `debug`, with fields that a program can read. */
export type WriteDetails = (line: string, fields: Readonly<Record<string, string | number>>) => void;
