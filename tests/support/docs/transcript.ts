/**
 * Output as a document shows it, against output as it is. What differs from machine to machine is matched by its shape:
 * numbers of four digits and more (ports, pids), ids, instants and durations; `…` stands for anything, on a line of its
 * own for any lines or none. The same number or id must be the same thing wherever it is shown again, and two ports that
 * are shown must be two.
 */

const TOKEN =
  /(?<lines>^…\n)|(?<any>…)|(?<instant>\d{4}-\d\d-\d\dT[\d:.]+Z)|(?<id>\b[0-9A-HJKMNP-TV-Z]{26}\b)|(?<duration>\b\d+(?:ms|[smhd])(?: \d+[smhd])?\b)|(?<number>\b\d{4,}\b)|(?<blank> +)/gm;

const SHAPES = {
  lines: "(?:[^\\n]*\\n)*?",
  any: "[\\s\\S]*?",
  instant: "\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z",
  id: "[0-9A-HJKMNP-TV-Z]{26}",
  duration: "\\d+(?:ms|[smhd])(?: \\d+[smhd])?",
  number: "\\d{2,}",
  blank: " +",
} as const;

/** Whether a number that is shown is a port of the default pool. */
function isPoolPort(shown: string): boolean {
  return /^2\d{4}$/.test(shown);
}

/** What the numbers and ids of one document are in one session. */
export class Transcript {
  readonly #actual = new Map<string, string>();

  /** A command of the document with the numbers that are known by now. */
  fill(text: string): string {
    return text.replaceAll(TOKEN, (shown) => this.#actual.get(shown) ?? shown);
  }

  /** Compares, and learns what the numbers and ids are. @returns why it does not match; `undefined` when it does. */
  compare(shown: string, actual: string): string | undefined {
    const groups = new Map<string, string>();
    const found = new RegExp(`^${this.#pattern(shown.trimEnd(), groups)}$`).exec(actual.trimEnd());
    if (found === null) return `expected\n${shown.trimEnd()}\nbut got\n${actual.trimEnd()}`;
    for (const [token, group] of groups) this.#actual.set(token, found.groups![group]!);
    const ports = [...this.#actual].filter(([token]) => isPoolPort(token)).map(([, port]) => port);
    if (new Set(ports).size < ports.length) return `two ports of the document are one: ${JSON.stringify(ports)}`;
  }

  #pattern(shown: string, groups: Map<string, string>): string {
    let pattern = "", end = 0;
    for (const match of shown.matchAll(TOKEN)) {
      pattern += escape(shown.slice(end, match.index));
      end = match.index + match[0].length;
      pattern += this.#part(match, groups);
    }
    return pattern + escape(shown.slice(end));
  }

  #part({ 0: token, groups: kinds = {} }: RegExpExecArray, groups: Map<string, string>): string {
    const kind = Object.keys(SHAPES).find((name) => kinds[name] !== undefined) as keyof typeof SHAPES;
    if (kind !== "id" && kind !== "number") return SHAPES[kind];
    const known = this.#actual.get(token);
    if (known !== undefined) return escape(known);
    const seen = groups.get(token);
    if (seen !== undefined) return `\\k<${seen}>`;
    groups.set(token, `t${groups.size}`);
    return `(?<t${groups.size - 1}>${SHAPES[kind]})`;
  }
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}
