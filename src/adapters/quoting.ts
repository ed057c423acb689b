/** Words of command lines that people copy, quoted for their shell. Pure. */

/** What no shell gives a meaning in the middle of a word. */
const PLAIN = /^[\w@%+:,./-]+$/;

/** A word for sh, bash and zsh. */
export function quoteForSh(word: string): string {
  return PLAIN.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A text for PowerShell, for which typographic single quotes are quotes too; a doubled one is one of the text. */
export function quoteForPowerShell(text: string): string {
  return `'${text.replaceAll(/['\u2018-\u201b]/g, "$&$&")}'`;
}

/** A scalar for YAML: every string of JSON is one. */
export function quoteForYaml(text: string): string {
  return JSON.stringify(text);
}
