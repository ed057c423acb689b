/** The words of the command that `portd run` starts, with its ports. */
import type { CliContext } from "../context.ts";
import { writeLine } from "../terminal.ts";
import { fillPlaceholders, hasPlaceholder, type NamedPort } from "./placeholders.ts";
import type { WantedPort } from "./wanted_ports.ts";

/** How a command gets its ports, decided before they are leased. */
export interface CommandPlan {
  /** The names of the ports that it has besides: for the service `web`, `web-inspector`. */
  readonly sides: readonly string[];
  /** The words with the ports in them, and what the command gets in its environment; stderr says what was added. */
  readonly fill: (ports: readonly NamedPort[]) => Filled;
}

/** A command with its ports. */
export interface Filled {
  readonly words: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
}

/** Options of {@linkcode planCommand}. */
export interface CommandOptions {
  readonly words: readonly string[];
  /** The first port of the command, which `PORT` is too. */
  readonly first: WantedPort;
  /** Whether dev servers get words that give them their port. */
  readonly injects: boolean;
}

/**
 * The programs of frameworks.ts, and those that start one: others cost no look at that table. A test compares both, with
 * each command of docs/dev-servers.md.
 */
const POSSIBLE =
  /^(?:npx|bunx|pnpx|uvx?|poetry|pipenv|pdm|hatch|rye|npm|pnpm|yarn|bundle|env|cross-env|dotenv|ruby|bun|time|exec|python[\d.]*|py|node|nodemon|tsx|ts-node|vite|vitest|react-router|remix|astro|next|nux[it]|ng|vue-cli-service|webpack(?:-cli|-dev-server)?|rspack|rsbuild|parcel|gatsby|docusaurus|eleventy|expo|storybook|sb|wrangler|http-server|serve|deno|manage|django-admin|flask|uvicorn|fastapi|gunicorn|mkdocs|jupyter(?:-lab|-notebook)?|rails|rackup|puma|jekyll|hugo|php[\d.]*)(?:[.@]|$)/;

/** Whether the command may start one of the dev servers of the table. */
export function mayBeKnown([first = ""]: readonly string[]): boolean {
  return POSSIBLE.test(first.replace(/^.*[\\/]/, "")) || /^\w+=/.test(first);
}

/** Placeholders are filled; where there are none, a dev server that is known gets its port. */
export async function planCommand(
  { process: { stderr }, cwd, env }: CliContext,
  { words, first, injects }: CommandOptions,
): Promise<CommandPlan> {
  const { framework, wish: { protocols = ["tcp"] }, named } = first;
  const plain: CommandPlan = {
    sides: [],
    fill: (ports) => ({ words: fillPlaceholders(words, ports), variables: {} }),
  };
  if (!injects || !protocols.includes("tcp") || hasPlaceholder(words) || framework === "none") return plain;
  if (framework === undefined && !mayBeKnown(words)) return plain;
  const { planInjection }: typeof import("./inject.ts") = await import("./inject.ts" as string);
  const plan = planInjection(words, { cwd, service: named?.name, framework, nodeOptions: env.NODE_OPTIONS });
  if (plan === undefined) return plain;
  const fill = (ports: readonly NamedPort[]) => {
    const { note, ...filled } = plan.inject(ports[0]!.port, (name) => ports.find((port) => port.name === name)!.port);
    writeLine(stderr, `portd: ${note}`);
    return filled;
  };
  return { sides: plan.sides, fill };
}
