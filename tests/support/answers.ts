/** Whether what commands print with `--json` has the fields that they say it has. */
import assert from "node:assert/strict";
import { commandIn } from "../../src/cli/json_words.ts";
import type { AnyCommand } from "../../src/cli/app.ts";
import type { Answer } from "../../src/cli/answer.ts";

/** The answer that a command line says it has; `undefined` where it has none. */
export async function answerOf([word, next]: readonly string[]): Promise<Answer | undefined> {
  const { default: loaded }: { readonly default: AnyCommand } = await import(`../../src/cli/commands/${word}.ts`);
  return commandIn(loaded, next)?.answer;
}

/** What has the fields: the answer itself, or each thing of its list. */
export function thingsOf(value: object, { list }: Answer): readonly object[] {
  if (Array.isArray(value)) return value;
  const things = list === undefined ? undefined : (value as Readonly<Record<string, unknown>>)[list];
  return Array.isArray(things) ? things : [value];
}

/** @throws {AssertionError} where an answer has a field that its command does not list. */
export async function checkAnswer(args: readonly string[], stdout: string): Promise<void> {
  const answer = await answerOf(args);
  if (args[0] === "export") return; // a document, which has no fields to choose
  assert.ok(answer, `portd ${args.join(" ")} prints an answer and lists no fields`);
  if (answer.fields.length === 0) return;
  const listed = new Set([...answer.fields, "daemon"]); // null where there is no daemon: no field of the answer
  for (const value of valuesIn(stdout)) {
    for (const thing of thingsOf(value, answer)) {
      const more = Object.keys(thing).filter((name) => !listed.has(name));
      assert.deepEqual(more, [], `fields of portd ${args.join(" ")} that it does not list`);
    }
  }
}

/** One document, or one a line. */
function valuesIn(text: string): readonly object[] {
  const lines = text.trimEnd().split("\n");
  return lines[0]!.endsWith("}") && lines.length > 1 ? lines.map((line) => JSON.parse(line)) : [JSON.parse(text)];
}
