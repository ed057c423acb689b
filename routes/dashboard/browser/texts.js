// @ts-check
/** Every language that the dashboard speaks. */
import { ENGLISH } from "./english.js";
import { JAPANESE } from "./japanese.js";

/** By the code that `lang` and `Accept-Language` have for it. */
export const LANGUAGES = { en: ENGLISH, ja: JAPANESE };
