/** `portd doctor --self-test`: runs the self-test and prints its report, or removes what earlier runs have left. */
import { newTag, type Removal, removeArtefacts } from "../../self_test/artefact.ts";
import { parsePart, type Starter } from "../../self_test/child.ts";
import { openSelfTest } from "../../self_test/open.ts";
import { playPart } from "../../self_test/part.ts";
import { identityOf, redactor } from "../../self_test/redact.ts";
import { isRunGoingOn, RunFolder } from "../../self_test/run_folder.ts";
import {
  type Item,
  type ItemResult,
  type ItemState,
  refused,
  runItems,
  type SelfTest,
} from "../../self_test/self_test.ts";
import { VERSION } from "../../version.ts";
import type { Having } from "../answer.ts";
import { confirm } from "../confirm.ts";
import type { CliContext } from "../context.ts";
import { spawnDetached } from "../daemon/detached.ts";
import { EXIT, UsageError } from "../exit.ts";
import { writeTable } from "../table.ts";
import { type Style, writeJson, writeLine } from "../terminal.ts";
import type { CLEANUP_FIELDS, REPORT_FIELDS } from "./self_test_fields.ts";

/** The flags of a self-test. */
export interface SelfTestFlags {
  readonly elevated?: boolean;
  readonly cleanup?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const HEAD = ["ITEM", "STATE", "MS", { title: "FOUND", least: 24, wraps: true }] as const;
const CLEANUP_HEAD = ["LEFTOVER", "STATE", { title: "REASON", least: 24, wraps: true }] as const;
const STYLES: Readonly<Record<ItemState, Style>> = { ok: "green", skipped: "dim", fail: "red" };

/** Runs it. */
export async function selfTest(context: CliContext, flags: SelfTestFlags): Promise<void> {
  const tag = newTag();
  using test = await openSelfTest({ ...starterOf(context), tag });
  if (flags.cleanup) return await cleanUp(context, { test, flags });
  const elevated = flags.elevated ? await chooseElevated(context, test, flags) : [];
  const stop = new AbortController();
  const stopListening = context.onSignal(["SIGINT"], () => stop.abort());
  try {
    await using folder = RunFolder.make(tag, test.processes);
    const items = await runItems([...test.items, ...elevated], {
      inFolder: (id, use) => folder.within(id, use),
      signal: stop.signal,
      redact: redactor(identityOf(context.env, hostname())),
    });
    report(context, flags, items);
  } finally {
    stopListening();
  }
}

/** Plays the part of a child process of the self-test. */
export async function playSelfTestPart(context: CliContext, text: string): Promise<void> {
  const part = parsePart(text);
  if (part === undefined) throw new UsageError(`Cannot use ${JSON.stringify(text)}: only the self-test starts this`);
  const write = (answer: string) => context.process.stdout.write(answer);
  await playPart(part, { starter: starterOf(context), write });
}

function starterOf({ self, env }: CliContext): Starter {
  return {
    self,
    async startDetached([program, ...args], cwd) {
      using _ = await spawnDetached({ words: [program!, ...args], cwd, env });
    },
  };
}

/** The elevated items, once they are confirmed; each skips where this process lacks the rights. */
async function chooseElevated(context: CliContext, test: SelfTest, flags: SelfTestFlags): Promise<readonly Item[]> {
  const { elevatedItems, refusal } = test;
  if (elevatedItems.length === 0) {
    context.process.stderr.write(`note: nothing of the self-test takes more rights on ${context.os}\n`);
    return [];
  }
  if (refusal !== undefined) return refused(elevatedItems, refusal);
  const { stderr } = context.process;
  stderr.write("these parts of the self-test change this machine, and undo it again:\n");
  for (const { id, does } of elevatedItems) writeLine(stderr, `  ${id.padEnd(8)} ${does}`);
  await confirm(context, "Run them?", { preface: "", yes: flags.yes ?? false });
  return elevatedItems;
}

async function cleanUp(
  { process }: CliContext,
  { test, flags }: { readonly test: SelfTest; readonly flags: SelfTestFlags },
): Promise<void> {
  const removals = await removeArtefacts(test.artefacts, (tag) => isRunGoingOn(tag, test.processes));
  if (flags.json) writeJson(process.stdout, { removals } satisfies Having<typeof CLEANUP_FIELDS>);
  else if (removals.length === 0) process.stderr.write("nothing is left of an earlier self-test\n");
  else writeTable(process.stdout, CLEANUP_HEAD, removals.map(({ what, state, reason }) => [what, state, reason ?? ""]));
  if (removals.some(({ state }: Removal) => state === "failed")) process.exitCode = EXIT.failure;
}

function report({ process, os }: CliContext, { json }: SelfTestFlags, items: readonly ItemResult[]): void {
  if (json) {
    const { standalone: isCompiled, arch } = Deno.build;
    const machine = { os, release: Deno.osRelease(), arch, deno: Deno.version.deno, isCompiled };
    writeJson(process.stdout, { version: VERSION, ...machine, items } satisfies Having<typeof REPORT_FIELDS>);
  } else {
    const rows = items.map(({ id, state, reason, value, ms }) => {
      const found = [reason, value === null ? null : JSON.stringify(value)].filter((text) => text !== null).join(" ");
      return [id, [state, STYLES[state]] as const, String(ms), found];
    });
    writeTable(process.stdout, HEAD, rows);
  }
  if (items.some(({ state }) => state === "fail")) process.exitCode = EXIT.failure;
}

/** `undefined` where the system does not say. */
function hostname(): string | undefined {
  return Deno.hostname() || undefined;
}
