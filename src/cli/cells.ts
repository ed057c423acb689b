/** The cells that a text takes on a terminal: two for most characters of East Asia and for emoji, none for marks. Pure. */
import { eastAsianWidth } from "get-east-asian-width";

/** What has no cell of its own: marks, joiners, and the vowels and finals that complete a Korean syllable. */
const WITHOUT_CELL = /^[\p{Mn}\p{Me}\p{Default_Ignorable_Code_Point}\u1160-\u11ff]$/u;
/** What takes two cells, however many code points it has. */
const EMOJI = /\p{Emoji_Presentation}|\ufe0f/u;
/** What takes a cell each; most texts are of these characters alone. */
const PLAIN = /^[ -~]*$/;

/** How many cells a text takes. It has no control characters. */
export function cellsOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  return graphemesOf(text).reduce((cells, { segment }) => cells + cellsOfGrapheme(segment), 0);
}

/** The beginning of a text that fits into so many cells; no character is cut in two. */
export function cutAt(text: string, columns: number): string {
  let cells = 0;
  for (const { segment, index } of graphemesOf(text)) {
    cells += cellsOfGrapheme(segment);
    if (cells > columns) return text.slice(0, index);
  }
  return text;
}

function graphemesOf(text: string): readonly Intl.SegmentData[] {
  return [...new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text)];
}

function cellsOfGrapheme(grapheme: string): number {
  if (EMOJI.test(grapheme)) return 2;
  const visible = [...grapheme].filter((char) => !WITHOUT_CELL.test(char));
  return visible.reduce((cells, char) => cells + eastAsianWidth(char.codePointAt(0)!), 0);
}
