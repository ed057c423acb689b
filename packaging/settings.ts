/**
 * Who publishes portd, and where: what the repository does not know. A file of JSON says it, packaging/settings.json by
 * default. Without it the packages are for trying only: their names and addresses end in `.invalid`, which leads nowhere
 * (RFC 2606), npm refuses to publish them, and `deno task package --release` makes none.
 */
import { ifThere, messageOf } from "../src/errors.ts";

/** What is to be set. */
export interface Settings {
  /** The person or organisation that publishes, in the words that users read. */
  readonly publisher: string;
  /** Who keeps the packages, as `Name <address>`; Debian asks for it. */
  readonly maintainer: string;
  /** The page of the project: an https address. */
  readonly homepage: string;
  /** The sources: an https address. npm's provenance compares it with where the package was built. */
  readonly repository: string;
  /** The folder with the files of a release: an https address with `{version}` in it. */
  readonly downloads: string;
  /** The licence: an SPDX expression. */
  readonly licence: string;
  /** The name in winget's repository: `Publisher.Package`. */
  readonly wingetId: string;
}

/** Stand for what has not been set. */
export const PLACEHOLDERS: Settings = {
  publisher: "Publisher Not Set",
  maintainer: "Maintainer Not Set <not-set@portd.invalid>",
  homepage: "https://portd.invalid/",
  repository: "https://portd.invalid/source",
  downloads: "https://portd.invalid/download/{version}",
  licence: "LicenseRef-Not-Set",
  wingetId: "NotSet.portd",
};

const HTTPS = /^https:\/\/[^\s"'\\<>#]+$/;
const PLAIN = /^[^\p{C}"\\]+$/u;

/** What each setting looks like, and how a message says so. */
const SHAPES: Readonly<Record<keyof Settings, readonly [RegExp, string]>> = {
  publisher: [PLAIN, "a name of one line"],
  maintainer: [/^[^\p{C}"\\<>]+ <[^\s<>@]+@[^\s<>@]+>$/u, "like: A Name <name@example.org>"],
  homepage: [HTTPS, "an address that begins with https://"],
  repository: [HTTPS, "an address that begins with https://"],
  downloads: [
    /^(?=.*\{version\})https:\/\/[^\s"'\\<>#]+$/,
    "an address that begins with https:// and has {version} in it",
  ],
  licence: [/^[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)*$/, "an SPDX expression, like MIT"],
  wingetId: [/^[A-Za-z0-9-]{1,32}(\.[A-Za-z0-9-]{1,32}){1,7}$/, "like: Publisher.Package"],
};

const NAMES = Object.keys(SHAPES) as (keyof Settings)[];
const LONGEST = 256;

/**
 * Reads the settings. What the file does not name stays a placeholder.
 *
 * @param path of a file that may be missing only where it `isOptional`.
 * @throws {Error} naming the setting that is not as it must be.
 */
export function readSettings(path: string, { isOptional = false } = {}): Settings {
  const text = isOptional ? ifThere(() => Deno.readTextFileSync(path)) : Deno.readTextFileSync(path);
  return text === undefined ? PLACEHOLDERS : parseSettings(text, path);
}

/** The settings in a text. @throws {Error} naming the setting that is not as it must be. */
export function parseSettings(text: string, path: string): Settings {
  const found = parseObject(text, path);
  for (const [name, value] of Object.entries(found)) {
    const shape = Object.hasOwn(SHAPES, name) ? SHAPES[name as keyof Settings] : undefined;
    if (shape === undefined) throw new Error(`Cannot use ${path}: there is no setting ${JSON.stringify(name)}`);
    if (typeof value !== "string" || value.length > LONGEST || !shape[0].test(value)) {
      throw new Error(`Cannot use ${path}: ${name} must be ${shape[1]}`);
    }
  }
  return { ...PLACEHOLDERS, ...found };
}

function parseObject(text: string, path: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch (error) {
    throw new Error(`Cannot read ${path}: ${messageOf(error)}`);
  }
  throw new Error(`Cannot use ${path}: it must hold one object`);
}

/** The settings that are still placeholders. */
export function missingSettings(settings: Settings): readonly (keyof Settings)[] {
  return NAMES.filter((name) => settings[name] === PLACEHOLDERS[name] || settings[name].includes(".invalid"));
}

/** @throws {Error} naming what is not set. */
export function refusePlaceholders(settings: Settings, path: string): void {
  const missing = missingSettings(settings);
  if (missing.length === 0) return;
  throw new Error(
    `Cannot make a release: ${path} does not set ${missing.join(", ")}; docs/development.md says what they are`,
  );
}

/** Where a file of the release is downloaded from. */
export function downloadAddress({ downloads }: Settings, version: string, file: string): string {
  return `${downloads.replaceAll("{version}", version).replace(/\/$/, "")}/${file}`;
}
