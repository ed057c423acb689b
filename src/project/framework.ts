/** What is known of a dev server, and the words that most of them share. Pure. */

/** One dev server. */
export interface Framework {
  readonly name: string;
  /** The program, without its folder. */
  readonly program: RegExp;
  /** The words behind it with which it serves, as in `dev`; where it has none, any words but {@linkcode others}. */
  readonly serves?: RegExp;
  /** First words with which it does something else. */
  readonly others?: RegExp;
  /** Words that say that the command has a port already. */
  readonly own: RegExp;
  /** Whether the last of several ports counts: then one that stands in a script is no obstacle. @default false */
  readonly lastCounts?: boolean;
  /** What is put at the end. */
  readonly words: (port: number) => readonly string[];
  /** Used instead where the port stands within the command: the whole words. */
  readonly rewrite?: (words: readonly string[], port: number) => readonly string[];
  /** Ports that it opens besides, each leased with its own. */
  readonly sides?: readonly SidePort[];
  readonly source: string;
}

/** A port that a dev server opens besides its own, and that it would take from another working copy. */
export interface SidePort {
  /** What the port is for, behind the name of the lease: `inspector` of `web` is leased as `web-inspector`. */
  readonly name: string;
  /** The words with which the server opens it. @default any */
  readonly opens?: RegExp;
  /** Words that say that the command has a port for it already. */
  readonly own: RegExp;
  /** What is put at the end. */
  readonly words: (port: number) => readonly string[];
}

/** The name of a dev server in portd.yaml: `vue-cli`, `next`. */
export function frameworkId({ name }: Pick<Framework, "name">): string {
  return name.toLowerCase().replaceAll(" ", "-").replace(/(?<=next)\.js$/, "");
}

/** Words by which most of them are given a port. */
export const LONG = /^(?:--port|-p)(?:=|$)|^-p\d+$/;

/** `--port PORT`, and more behind it. */
export function port(...more: readonly string[]): Framework["words"] {
  return (port) => ["--port", String(port), ...more];
}

/** `-p PORT` */
export function short(port: number): readonly string[] {
  return ["-p", String(port)];
}
