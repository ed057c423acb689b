/** Reading the project's Markdown for the tests that hold it against the code. Pure. */

/** A fenced code block. */
export interface Fence {
  /** First word behind the fence, like `sh`. */
  readonly language: string;
  /** What else stands there: the name of the file that the block is. */
  readonly file: string;
  readonly text: string;
  /** Line of its first line of text, from 1 on. */
  readonly line: number;
}

/** A heading with all that follows up to the next one of the same or a higher level. */
export interface Section {
  readonly title: string;
  readonly text: string;
  readonly fences: readonly Fence[];
}

/** The fenced blocks in order. */
export function fencesOf(text: string): Fence[] {
  const fences: Fence[] = [];
  for (const match of text.matchAll(/^```(\w+)(?: (\S+))?\n([\s\S]*?)^```$/gm)) {
    const [, language, file = "", content] = match;
    const line = text.slice(0, match.index).split("\n").length + 1;
    fences.push({ language: language!, file, text: content!, line });
  }
  return fences;
}

/** The sections of one level. */
export function sectionsOf(text: string, level: number): Section[] {
  const fences = fencesOf(text);
  const isCode = (line: number) =>
    fences.some((fence) => line >= fence.line && line < fence.line + fence.text.split("\n").length);
  const headings = text.split("\n").flatMap((line, i) => {
    const [, marks, title] = /^(#{1,6}) (.+)$/.exec(line) ?? [];
    return marks === undefined || isCode(i + 1) ? [] : [{ title: title!, level: marks.length, line: i + 1 }];
  });
  return headings.flatMap(({ title, level: own, line }, i) => {
    if (own !== level) return [];
    const end = headings.slice(i + 1).find((next) => next.level <= level)?.line ?? Infinity;
    return [{
      title,
      text: text.split("\n").slice(line, end - 1).join("\n"),
      fences: fences.filter((fence) => fence.line > line && fence.line < end),
    }];
  });
}

/** The rows of every table, heads and rulers left out; cells without the blanks around them. */
export function tableRows(text: string): string[][] {
  const lines = text.split("\n");
  return lines.flatMap((line, i) => {
    const isRow = line.startsWith("|") && !/^\|[\s:|-]+$/.test(line) && !/^\|[\s:|-]+$/.test(lines[i + 1] ?? "");
    return isRow ? [line.replaceAll(/^\|\s*|\s*\|$/g, "").split(/\s*(?<!\\)\|\s*/)] : [];
  });
}

/** The words in backticks. */
export function codeWords(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, word]) => word!);
}

/** Where the links of a document lead, code blocks left out. */
export function linksOf(text: string): string[] {
  const prose = text.replaceAll(/^```[\s\S]*?^```$/gm, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
}

/** The anchors of a document's headings, as GitHub makes them. */
export function anchorsOf(text: string): Set<string> {
  const titles = [1, 2, 3, 4].flatMap((level) => sectionsOf(text, level)).map(({ title }) => title);
  return new Set(titles.map((title) => title.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")));
}
