/**
 * Ports that portd excludes, so that Windows gives them to nobody by itself and Hyper-V or WinNAT cannot take them.
 * Programs may still ask for them by number. The service's registry key lists the exclusions that portd has made, so
 * that only those are removed. netsh's words are in the user's language: only its numbers and its exit code are read.
 */
import { parseExcludedRanges } from "../../os/ports.ts";
import type { ProgramOutcome } from "../../os/program.ts";
import type { UsedPorts } from "../../os/windows/socket_look.ts";
import { isWithin, type PortRange, type Protocol } from "../../port/port.ts";
import { SERVICE_NAME, type Step } from "../service.ts";
import type { RegistryKeys } from "./keys.ts";

/** Runs netsh.exe with these arguments. @throws {Error} when it cannot be run. */
export type Netsh = (args: readonly string[]) => Promise<ProgramOutcome>;

/** An exclusion: each family and protocol has its own. */
interface Exclusion extends PortRange {
  readonly family: "ipv4" | "ipv6";
  readonly protocol: Protocol;
}

/** The registry value, under HKEY_LOCAL_MACHINE, that lists portd's exclusions. */
const PATH = `SYSTEM\\CurrentControlSet\\Services\\${SERVICE_NAME}\\Parameters`, NAME = "ReservedPorts";
const FAMILIES = ["ipv4", "ipv6"] as const, PROTOCOLS = ["tcp", "udp"] as const;

/** What {@linkcode ExcludedPorts} works with. */
export interface ExcludedPortsParts {
  readonly netsh: Netsh;
  readonly keys: RegistryKeys;
  /** netsh excludes no range in which a port is in use. */
  readonly usedPorts: UsedPorts;
}

/** The exclusions that portd has made. */
export class ExcludedPorts {
  readonly #parts: ExcludedPortsParts;

  constructor(parts: ExcludedPortsParts) {
    this.#parts = parts;
  }

  /**
   * The steps after which portd excludes these ranges, but for ports that are in use or that an administrator has
   * excluded. An administrator's exclusions stay as they are.
   */
  async stepsTo(ranges: readonly PortRange[]): Promise<Step[]> {
    const ours = this.#remembered();
    const kept = ours.filter((one) => ranges.some(({ first, last }) => first <= one.first && one.last <= last));
    const steps = ours.filter((one) => !kept.includes(one)).map((one) => this.#removal(one));
    if (ranges.length === 0) return steps;
    for (const family of FAMILIES) {
      for (const protocol of PROTOCOLS) {
        const there = kept.filter((one) => one.family === family && one.protocol === protocol);
        const free = await this.#without(ranges, { family, protocol }, there);
        steps.push(...free.map((range) => this.#addition({ family, protocol, ...range })));
      }
    }
    return steps;
  }

  /** The parts of the ranges that netsh may exclude: without those that are excluded so already, and used ports. */
  async #without(
    ranges: readonly PortRange[],
    kind: Pick<Exclusion, "family" | "protocol">,
    there: readonly PortRange[] = [],
  ): Promise<readonly PortRange[]> {
    const administered = (await this.#list(kind)).filter((range) => range.administered);
    const ours = this.#remembered().filter(({ family, protocol }) =>
      family === kind.family && protocol === kind.protocol
    );
    const isOurs = (range: PortRange) => ours.some((one) => one.first === range.first && one.last === range.last);
    const used = this.#parts.usedPorts(kind.protocol);
    const done = [...there, ...administered.filter((range) => !isOurs(range))];
    return ranges.flatMap((range) => partsOf(range, (port) => !used.has(port) && !isWithin(done, port)));
  }

  /** Ports may have been taken since the plan was made: then what netsh refuses is split again. */
  #addition(one: Exclusion): Step {
    return this.#step("add", one, async ({ code, said }) => {
      if (code === 0) return this.#remember([...this.#remembered(), one]);
      const parts = await this.#without([one], one);
      const isWhole = parts.length === 1 && parts[0]!.first === one.first && parts[0]!.last === one.last;
      if (isWhole) throw await this.#refused(one, said);
      for (const part of parts) await this.#addition({ ...one, ...part }).run();
    });
  }

  #removal(one: Exclusion): Step {
    return this.#step("delete", one, async ({ code, said }) => {
      if (code !== 0 && await this.#isAdministrators(one)) {
        throw new Error(`Cannot give back ${describe(one)}: netsh says: ${said}`);
      }
      this.#remember(this.#remembered().filter((other) => textOf(other) !== textOf(one)));
    });
  }

  /** A step that calls netsh. @param finish is called with its exit code, and with its words on one line. */
  #step(
    verb: "add" | "delete",
    one: Exclusion,
    finish: (outcome: { code: number; said: string }) => Promise<void>,
  ): Step {
    const { family, protocol, first, last } = one;
    const range = [`protocol=${protocol}`, `startport=${first}`, `numberofports=${last - first + 1}`];
    const args = ["int", family, verb, "excludedportrange", ...range, "store=persistent"];
    const run = async () => {
      const { code, stdout, stderr } = await this.#parts.netsh(args);
      await finish({ code, said: `${stdout}${stderr}`.trim().replaceAll(/\s+/g, " ") || "nothing" });
    };
    return { does: `netsh.exe ${args.join(" ")}`, run };
  }

  async #refused(one: Exclusion, said: string): Promise<Error> {
    const taken = (await this.#list(one)).filter(({ first, last }) => first <= one.last && last >= one.first);
    const words = taken.map(({ first, last }) => first === last ? `${first}` : `${first}-${last}`).join(", ");
    const reason = taken.length === 0
      ? `netsh says: ${said}; it reserves no port that a program uses: end the programs on these ports, or ` +
        "name other ports with --pool"
      : `Windows has given ${words} to another service, mostly Hyper-V or WinNAT; free them with ` +
        `"net stop winnat", install again, and then "net start winnat"`;
    return new Error(`Cannot reserve ${describe(one)}: ${reason}`);
  }

  async #isAdministrators(one: Exclusion): Promise<boolean> {
    const ranges = await this.#list(one);
    return ranges.some(({ first, last, administered }) => administered && first === one.first && last === one.last);
  }

  async #list({ family, protocol }: Pick<Exclusion, "family" | "protocol">) {
    const args = ["int", family, "show", "excludedportrange", `protocol=${protocol}`];
    return parseExcludedRanges((await this.#parts.netsh(args)).stdout);
  }

  #remembered(): Exclusion[] {
    return this.#parts.keys.texts(PATH, NAME).flatMap((text) => parseText(text) ?? []);
  }

  #remember(exclusions: readonly Exclusion[]): void {
    const { keys } = this.#parts;
    if (exclusions.length === 0) keys.deleteValue(PATH, NAME);
    else keys.set(PATH, { name: NAME, data: exclusions.map(textOf) });
  }
}

/** The runs of ports of a range for which `isWanted` holds. */
function partsOf({ first, last }: PortRange, isWanted: (port: number) => boolean): PortRange[] {
  const parts: PortRange[] = [];
  for (let port = first, start = first; port <= last + 1; port++) {
    if (port <= last && isWanted(port)) continue;
    if (start < port) parts.push({ first: start, last: port - 1 });
    start = port + 1;
  }
  return parts;
}

function textOf({ family, protocol, first, last }: Exclusion): string {
  return `${family} ${protocol} ${first}-${last}`;
}

function parseText(text: string): Exclusion | undefined {
  const [, family, protocol, first, last] = /^(ipv[46]) (tcp|udp) (\d+)-(\d+)$/.exec(text) ?? [];
  if (family === undefined) return undefined;
  return { family, protocol, first: Number(first), last: Number(last) } as Exclusion;
}

function describe({ family, protocol, first, last }: Exclusion): string {
  return `the ports ${first}-${last} (${protocol}, ${family})`;
}
