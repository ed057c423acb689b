/** Texts of portd.yaml with placeholders: `postgres://localhost:{port:db}/shop_{slot}`. Pure. */
import type { SlotNames } from "./slot.ts";

/** The placeholders, each with the one that it needs in words. */
export const PLACEHOLDERS = ["{port:NAME}", "{url:NAME}", "{project}", "{branch}", "{slot}"] as const;
/** More of them, in the address of a service: its own. */
export const OWN_PLACEHOLDERS = ["{host}", "{port}"] as const;

/** A text in its parts: plain ones, and placeholders with what stands behind their colon. */
export type Template = readonly (string | Placeholder)[];

/** A placeholder of one of the services, or of the slot. */
export interface Placeholder {
  readonly what: "port" | "url" | "project" | "branch" | "slot" | "host";
  /** The service; `undefined` for the own one. */
  readonly service: string | undefined;
}

/** A word, or a word and a name, in braces. Other braces are text, and so is what follows a doubled one. */
const PART = /\{\{|\{([a-z]+)(?::([^{}]*))?\}/g;

/**
 * Reads a text. `{{` is a brace, and braces around anything else than a word are text, as in JSON.
 *
 * @param services are the names that may be used.
 * @param isOwn says whether the text is the address of a service, which knows its own host and port.
 * @returns why it cannot be used, as a string.
 */
export function readTemplate(
  text: string,
  services: ReadonlySet<string>,
  { isOwn = false }: { readonly isOwn?: boolean } = {},
): Template | string {
  const parts: (string | Placeholder)[] = [];
  let end = 0;
  for (const match of text.matchAll(PART)) {
    parts.push(text.slice(end, match.index));
    end = match.index + match[0].length;
    if (match[0] === "{{") parts.push("{");
    else {
      const part = readPlaceholder(match, services, isOwn);
      if (typeof part === "string") return part;
      parts.push(part);
    }
  }
  return [...parts, text.slice(end)].filter((part) => part !== "");
}

function readPlaceholder(
  [whole, what, service]: RegExpMatchArray,
  services: ReadonlySet<string>,
  isOwn: boolean,
): Placeholder | string {
  const known = isOwn ? [...PLACEHOLDERS, ...OWN_PLACEHOLDERS] : PLACEHOLDERS;
  const isKnown = known.some((each) => each === (service === undefined ? whole : `{${what}:NAME}`));
  if (!isKnown) return `${whole} is no placeholder; known: ${known.join(" ")}; a brace alone is written {{`;
  if (service !== undefined && !services.has(service)) {
    return `${whole} names no service; known: ${[...services].join(", ")}`;
  }
  return { what: what as Placeholder["what"], service };
}

/** The services of a text. */
export function servicesOf(template: Template): readonly string[] {
  return template.flatMap((part) => typeof part === "string" || part.service === undefined ? [] : [part.service]);
}

/** What a text is filled with. */
export interface Filling extends SlotNames {
  /** Of a service; the own one without a name. */
  readonly port: (service: string | undefined) => number;
  readonly url: (service: string) => string;
}

/** The host at which a slot's services are reached from this machine. */
const HOST = "localhost";

/** The text with its placeholders filled. */
export function fillTemplate(template: Template, filling: Filling): string {
  return template.map((part) => {
    if (typeof part === "string") return part;
    const { what, service } = part;
    if (what === "port") return String(filling.port(service));
    if (what === "url") return filling.url(service!);
    return what === "host" ? HOST : filling[what];
  }).join("");
}
