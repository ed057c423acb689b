/** Which language a browser wants. */
import { LANGUAGES } from "./browser/texts.js";

/** A language that the dashboard speaks. */
export type Language = keyof typeof LANGUAGES;

/** The language that is preferred most among ours, by `Accept-Language` (RFC 9110, section 12.5.4); else English. */
export function languageOf(header: string | undefined): Language {
  let best: Language = "en", bestQuality = 0;
  for (const part of (header ?? "").slice(0, 1000).split(",")) {
    const [, primary = "", quality = "1"] =
      /^\s*([a-z]{1,8})(?:-[a-z0-9-]*)?\s*(?:;\s*q=([\d.]{1,5}))?\s*$/i.exec(part) ?? [];
    const language = primary.toLowerCase();
    if (!isLanguage(language) || !(Number(quality) > bestQuality)) continue;
    best = language;
    bestQuality = Number(quality);
  }
  return best;
}

/** Whether the dashboard speaks a language. */
export function isLanguage(text: string): text is Language {
  return Object.hasOwn(LANGUAGES, text);
}
