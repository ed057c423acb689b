/** The version of portd; deno.json bears the same one. */
export const VERSION = "0.1.0";
