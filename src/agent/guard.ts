/**
 * The guard of an agent's shell: finds commands that end processes by a name or by a port, whoever's they are. They would
 * end the servers of other agents and of the user. Pure.
 */
import { readPort } from "../port/port.ts";
import { everyCommand, readCommands, type SimpleCommand } from "./shell_words.ts";

/** A command that may end somebody else's server. */
export interface Offence {
  /** Its words, as in `pkill -f vite`. */
  readonly command: string;
  /** The ports that it is about, as far as it says. */
  readonly ports: readonly number[];
}

/** Programs that run the program behind their own words. */
const WRAPPERS: ReadonlySet<string> = new Set([
  ..."sudo doas env command exec nohup time timeout nice ionice setsid stdbuf builtin eval xargs parallel npx bunx pnpx"
    .split(" "),
  ..."then do else if while until ! &".split(" "),
]);
/** Their flags that take a word of their own. */
const WRAPPER_FLAGS = /^-[uUgCDhpRTndkIPLs]$/;
const SHELLS = /^(?:ba|da|z|k|fi)?sh$/;
/** Programs that end others by name, by port, or by a list that they make. */
const BY_NAME = /^(?:pkill|killall5?|skill|slay|kill-port|killport|kill-port-process|fkill|fkill-cli|port-kill)$/;
/** Programs that say which processes there are: of everybody. */
const FINDERS = /^(?:lsof|fuser|ss|netstat|pgrep|pidof|ps|Get-NetTCPConnection|Get-Process|gps)$/i;

/** The first command of a text that the guard stops; `undefined` where there is none. */
export function findOffence(text: string): Offence | undefined {
  const commands = everyCommand(readCommands(text));
  for (const command of commands) {
    const found = offenceOf(command);
    if (found !== undefined) return { command: found, ports: portsIn(text) };
  }
  const powershell = POWERSHELL.find((pattern) => pattern.test(text));
  const match = powershell?.exec(text)?.[0];
  return match === undefined ? undefined : { command: match.trim().slice(0, 200), ports: portsIn(text) };
}

/** What PowerShell and cmd have for it; their syntax is another one. */
const POWERSHELL: readonly RegExp[] = [
  /(?:^|[\s;|&({])(?:Stop-Process|spps)\b(?=[^;\n]*-Name\b)[^;\n]*/i,
  /(?:Get-Process|gps)\b[^;\n]*\|\s*(?:Stop-Process|spps|kill)\b/i,
  /(?:Stop-Process|spps)\b[^;\n]*(?:Get-NetTCPConnection|Get-Process)[^;\n]*/i,
  /Get-NetTCPConnection\b[^\n]*(?:Stop-Process|spps|taskkill)\b/i,
  /\bwmic\s+process\b[^;\n]*\b(?:delete|terminate)\b/i,
];

function offenceOf({ words, inner, piped }: SimpleCommand): string | undefined {
  const { program, args, isFed } = unwrap(words);
  const shown = words.join(" ").slice(0, 200);
  if (SHELLS.test(program)) {
    const at = args.findIndex((word) => /^-\w*c$/.test(word));
    const script = at === -1 ? "" : args[at + 1] ?? "";
    // Substitutions within its quotes are this command's: the shell outside has filled them.
    const commands = everyCommand(readCommands(script)).map((one) => ({ ...one, inner: [...one.inner, ...inner] }));
    return commands.map(offenceOf).find((found) => found !== undefined);
  }
  if (BY_NAME.test(program)) return isQuestion(program, args) ? undefined : shown;
  if (program === "fuser") return args.some((word) => /^-\w*k/.test(word) || word === "--kill") ? shown : undefined;
  if (program === "taskkill") return args.some((word) => /^[/-](?:IM|FI)$/i.test(word)) ? shown : undefined;
  if (program !== "kill") return undefined;
  if (args.some((word) => /^-(?:l|L|-list|-table)/.test(word))) return undefined;
  if (args.at(-1) === "-1" && args.length > 1) return shown;
  const asksWho = everyCommand(inner).some(isFinder) || (isFed && piped.some((one) => isFinder(one)));
  return asksWho || (isFed && piped.length > 0) ? shown : undefined;
}

/** `pkill -0`, `killall -l` and the like only ask. */
function isQuestion(program: string, args: readonly string[]): boolean {
  if (args.some((word) => word === "--help" || word === "--version")) return true;
  return /^(?:pkill|killall)$/.test(program) && args.some((word) => /^(?:-0|-l|--list|-V)$/.test(word));
}

function isFinder({ words }: SimpleCommand): boolean {
  return FINDERS.test(unwrap(words).program);
}

/** The program that is started, without its folder and what stands before it. */
function unwrap(words: readonly string[]): { program: string; args: readonly string[]; isFed: boolean } {
  let at = 0, isFed = false;
  for (; at < words.length; at++) {
    const word = nameOf(words[at]!);
    if (/^[A-Za-z_]\w*=/.test(word) || word === "") continue;
    if (!WRAPPERS.has(word)) break;
    isFed ||= word === "xargs" || word === "parallel";
    while (words[at + 1]?.startsWith("-") || (word === "timeout" && /^\d/.test(words[at + 1] ?? ""))) {
      at += WRAPPER_FLAGS.test(words[at + 1]!) ? 2 : 1;
    }
  }
  return { program: nameOf(words[at] ?? ""), args: words.slice(at + 1), isFed };
}

/** `/usr/bin/pkill` and `pkill.exe` are `pkill`; so is `kill-port@2`. */
function nameOf(word: string): string {
  return word.replace(/^.*[\\/](?=[^\\/])/, "").replace(/\.exe$/i, "").replace(/(?<=.)@[\w.^~-]+$/, "");
}

/** The ports of which a text speaks: `:3000`, `3000/tcp`, `-LocalPort 3000`, `kill-port 3000`. */
function portsIn(text: string): readonly number[] {
  const forms =
    /:(\d{2,5})\b|\b(\d{2,5})\/(?:tcp|udp)\b|(?:-LocalPort|kill-?port(?:@\S+)?|fkill|--port)[ =]+:?(\d{2,5})\b/gi;
  const ports = [...text.matchAll(forms)].map((match) => readPort(match.slice(1).find((part) => part !== undefined)!));
  return [...new Set(ports.filter((port) => port !== undefined))].slice(0, 16);
}
