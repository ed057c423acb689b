/** The manual page portd(1), man(7): what `--help` of portd and of each of its commands prints, and nothing else. */
import { BRIEFS } from "../../src/cli/app.ts";
import { runCli } from "../../src/cli/cli.ts";
import { type CliContext, systemContext } from "../../src/cli/context.ts";
import { NAME, SUMMARY, VERSION } from "../description.ts";

/** The help of one command line. */
export interface Help {
  /** `portd service install`. */
  readonly command: string;
  readonly text: string;
}

/** The help of portd, of each command and of what is below it, as this portd prints it. */
export async function readHelp(): Promise<readonly Help[]> {
  const help = [await helpOf([])];
  for (const name of Object.keys(BRIEFS)) {
    const own = await helpOf([name]);
    help.push(own);
    for (const below of namesBelow(own.text)) help.push(await helpOf([name, below]));
  }
  return help;
}

async function helpOf(words: readonly string[]): Promise<Help> {
  let text = "";
  const stdout = {
    isTerminal: false,
    write: (more: string) => void (text += more),
    getColorDepth: () => 1,
    getSize: () => ({ columns: 76, rows: 24 }),
  };
  const nothing = () => Promise.reject(new Error("Cannot start anything: only help is asked for"));
  const args = [...words, "--help"];
  const loaders = {
    loadDaemon: nothing,
    loadChecker: nothing,
    loadOpenApi: nothing,
    openService: nothing,
    openFirewall: nothing,
  };
  const context = systemContext({ args, mainUrl: import.meta.url, runCommand: runCli, ...loaders });
  const captured: CliContext = { ...context, env: {}, process: { ...context.process, stdout, stderr: stdout } };
  const code = await runCli(args, captured);
  if (code !== 0 || text === "") throw new Error(`Cannot read the help of ${NAME} ${words.join(" ")}: ${text}`);
  return { command: [NAME, ...words].join(" "), text };
}

/** The names in the part COMMANDS of a command's help. */
function namesBelow(help: string): readonly string[] {
  const [, block = ""] = /^COMMANDS\n((?: {2}.+\n?)+)/m.exec(help) ?? [];
  return [...block.matchAll(/^ {2}(\S+) {2}/gm)].map(([, name]) => name!);
}

/** The page as source for man(1). */
export function manPage([root, ...commands]: readonly Help[]): string {
  const blocks = commands.map(({ command, text }) => `.SS ${escape(command)}\n${literal(text)}`);
  return `.TH ${NAME.toUpperCase()} 1 "" "${NAME} ${VERSION}" "User Commands"
.SH NAME
${NAME} \\- ${escape(SUMMARY[0]!.toLowerCase() + SUMMARY.slice(1))}
.SH DESCRIPTION
${literal(root!.text)}.SH COMMANDS
${blocks.join("")}`;
}

/** Text that is printed as it stands. */
function literal(text: string): string {
  return `.nf\n${text.trimEnd().split("\n").map((line) => escape(line)).join("\n")}\n.fi\n`;
}

/** A line in which groff sees no request and no escape, and prints the characters of ASCII as they are typed. */
function escape(line: string): string {
  const plain = line.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("'", "\\(aq").replaceAll("`", "\\(ga")
    .replaceAll("^", "\\(ha").replaceAll("~", "\\(ti");
  return plain.startsWith(".") ? `\\&${plain}` : plain;
}
