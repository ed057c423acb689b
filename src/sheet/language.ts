/** The language of what is printed for people who need not know English. */

/** The languages of a sheet. */
export const LANGUAGES = ["en", "ja"] as const;

/** One of {@linkcode LANGUAGES}. */
export type Language = (typeof LANGUAGES)[number];

/**
 * The language of the user: of `LC_ALL`, else of `LC_MESSAGES`, else of `LANG`, as locale(7) has it.
 *
 * @param systemLanguage is used where none of them is set, as on Windows: `ja`, `ja-JP`.
 */
export function languageOf(
  { LC_ALL, LC_MESSAGES, LANG }: Readonly<Record<string, string | undefined>>,
  systemLanguage: string,
): Language {
  return /^ja(?![a-z])/i.test(LC_ALL || LC_MESSAGES || LANG || systemLanguage) ? "ja" : "en";
}
