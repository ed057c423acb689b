/** Machines in namespaces, each with a firewall of Linux. They take seconds to make, so several tests share one. */
import assert from "node:assert/strict";
import type { FirewallBackend } from "../../../src/firewall/backend.ts";
import type { Dialect } from "../../../src/firewall/linux/dialect.ts";
import { linuxFirewall } from "../../../src/firewall/linux/firewall.ts";
import type { Program } from "../../../src/os/program.ts";
import { type ConformanceHost, conformanceTests } from "../../firewall/conformance.ts";
import type { NetworkNamespace } from "./netns.ts";
import { osTest, type Requirement } from "./requirement.ts";
import { ALLOWED_NETWORKS, ALLOWED_ONLY, Cable, EVERYBODY, NOBODY, openTo, settle } from "./traffic.ts";

/** The owner of the rules, where a test has only one portd. */
export const OWNER = "1a2b3c4d";

/** The addresses of the machine, unless a test says otherwise. */
export const ADDRESSES: readonly string[] = ["127.0.0.1/8", "192.168.1.20/24", "fe80::1/64"];

/**
 * A machine whose firewall drops what no rule lets pass, but UDP port 9, which the tests need. What is done to it by hand
 * goes through its own programs, not through portd's code.
 */
export abstract class FirewallHost implements ConformanceHost {
  readonly namespace: NetworkNamespace;
  /** The name of the backend that portd finds there. */
  abstract readonly name: string;
  /** The program by which portd changes the firewall; absolute. */
  abstract readonly program: string;
  /** A pattern of the shell that matches the arguments of a change, and not those of a reading. */
  abstract readonly changes: string;
  #cable: Cable | undefined;

  constructor(namespace: NetworkNamespace) {
    this.namespace = namespace;
  }

  /** How portd reads and changes it. */
  abstract dialect(program: Program): Dialect<unknown>;
  /** Makes the firewall what it was first: all rules that were added since are gone. */
  abstract reset(): Promise<void>;
  /** All its rules, as its own program prints them. */
  abstract rules(): Promise<string>;
  abstract addForeign(count: number): Promise<void>;
  abstract foreign(): Promise<readonly string[]>;
  abstract alter(owner: string, name: string): Promise<void>;
  abstract takeAway(owner: string, name: string): Promise<void>;

  /** A backend on it, as a daemon that has just started has it. */
  backend(owner = OWNER, addresses = ADDRESSES, program = this.command()): FirewallBackend {
    return linuxFirewall(this.dialect(program), { owner, interfaces: () => addresses.map((cidr) => ({ cidr })) });
  }

  /** Runs its program there. @param before is run in between. */
  command(...before: readonly string[]): Program {
    return [...this.namespace.enter, ...before, this.program];
  }

  /** The cable to a client's machine, with a service on this one. */
  async cable(): Promise<Cable> {
    return this.#cable ??= await Cable.lay(this.namespace);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cable?.[Symbol.asyncDispose]();
    await this.namespace[Symbol.asyncDispose]();
  }
}

/** What every such firewall must do, besides its own tests. */
export const FIREWALL_TESTS: Readonly<Record<string, (host: FirewallHost) => Promise<void>>> = {
  ...conformanceTests(),
  async "a service is reached only while it is open, and only from the allowed networks"(host) {
    const cable = await host.cable();
    assert.deepEqual(await cable.reach(), NOBODY);
    await settle(host.backend(), openTo(ALLOWED_NETWORKS));
    assert.deepEqual(await cable.reach(), ALLOWED_ONLY);
    await settle(host.backend(), openTo(ALLOWED_NETWORKS).slice(0, 1));
    assert.deepEqual(await cable.reach(), { ...NOBODY, ALLOWED4: ["tcp"], ALLOWED6: ["tcp"] });
    await settle(host.backend(), openTo(["any"]));
    assert.deepEqual(await cable.reach(), EVERYBODY);
    await settle(host.backend(), []);
    assert.deepEqual(await cable.reach(), NOBODY);
  },
};

/** Options of {@linkcode testOnHost}. */
export interface HostTestOptions<Host extends FirewallHost> {
  readonly name: string;
  readonly requirements: readonly Requirement[];
  readonly open: () => Promise<Host>;
  /** By what they show. Each finds the host as it was first. */
  readonly tests: Readonly<Record<string, (host: Host) => Promise<void>>>;
}

/** Registers tests that share one host. */
export function testOnHost<Host extends FirewallHost>(
  { name, requirements, open, tests }: HostTestOptions<Host>,
): void {
  osTest(name, requirements, async (context) => {
    await using host = await open();
    for (const [sentence, test] of Object.entries(tests)) {
      await context.step(sentence, async () => {
        await host.reset();
        await test(host);
      });
    }
  });
}
