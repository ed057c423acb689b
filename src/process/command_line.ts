/** Command lines for people. Pure. */

const LONGEST = 300;

/** A command line as one line of bounded length. */
export function boundedCommand(command: string): string {
  const line = command.trim();
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}

/** A command line without the folder of its program, cut to `most` characters; `[names]` of kernel threads stay. */
export function shortCommand(command: string, most: number): string {
  const [, quoted, plain, rest] = /^(?:"([^"]*)"|(\S*))(.*)$/s.exec(command) ?? [];
  const program = quoted ?? plain ?? "";
  const name = program.startsWith("[")
    ? program
    : program.slice(Math.max(program.lastIndexOf("/"), program.lastIndexOf("\\")) + 1);
  const text = `${name || program}${rest ?? ""}`;
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
