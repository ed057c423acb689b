/** A block of lines between two marks in a text that belongs to others. Pure. */

/** The lines that begin and end a block. */
export interface Marks {
  readonly begin: string;
  readonly end: string;
}

/** The text with the block, in its place or at the end; the same text where it is there. */
export function withBlock(text: string | undefined, marks: Marks, lines: string): string {
  const block = `${marks.begin}\n${lines}\n${marks.end}\n`;
  if (text === undefined || text === "") return block;
  const found = find(text, marks);
  if (found !== undefined) return text.slice(0, found.from) + block + text.slice(found.to);
  return `${text}${text.endsWith("\n") ? "" : "\n"}\n${block}`;
}

/** The text without the block and the empty line before it; `undefined` where nothing else is left. */
export function withoutBlock(text: string, marks: Marks): string | undefined {
  const found = find(text, marks);
  if (found === undefined) return text;
  const before = text.slice(0, found.from), after = text.slice(found.to);
  const left = (after === "" ? before.replace(/\n\n$/, "\n") : before) + after;
  return left.trim() === "" ? undefined : left;
}

function find(text: string, { begin, end }: Marks): { readonly from: number; readonly to: number } | undefined {
  const from = text.indexOf(`${begin}\n`), stop = from === -1 ? -1 : text.indexOf(`\n${end}`, from);
  if (stop === -1) return undefined;
  const to = stop + end.length + 1;
  return { from, to: text[to] === "\n" ? to + 1 : to };
}
