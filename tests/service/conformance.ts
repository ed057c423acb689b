/** What every service control must show, the fake as much as the real ones. */
import assert from "node:assert/strict";
import type { ServiceControl, ServiceDefinition, ServiceState } from "../../src/service/service.ts";
import { done } from "../support/service.ts";

/** A system for one test on which portd is not installed. */
export interface ConformanceHost extends AsyncDisposable {
  /** The control of a user who may change the service. Each call makes one, which knows of the others by the system alone. */
  control(): ServiceControl;
  /** The control of a user who may not. Absent where there is no such user. */
  stranger?(): ServiceControl;
  /** What is to be installed; a program that the system can start, and words with a state folder. */
  readonly definition: ServiceDefinition;
}

/** Options of {@linkcode testConformance}. */
export interface ConformanceOptions {
  /** Stands in front of each test's name. */
  readonly name: string;
  /** Makes the system of one test. */
  readonly open: () => Promise<ConformanceHost>;
  /** Registers a test. @default Deno.test */
  readonly register?: (name: string, fn: () => Promise<void>) => void;
}

type ConformanceTest = (host: ConformanceHost) => Promise<void>;

/** Registers the tests. */
export function testConformance({ name, open, register = Deno.test }: ConformanceOptions): void {
  for (const [sentence, fn] of Object.entries({ ...life(), ...repetition(), ...refusals() })) {
    register(`${name}: ${sentence}`, async () => {
      await using host = await open();
      await fn(host);
    });
  }
}

function life(): Readonly<Record<string, ConformanceTest>> {
  return {
    "absent, installed, started, stopped, uninstalled, absent": async (host) => {
      await expectState(host, "absent");
      await done(host.control().install(host.definition));
      await expectState(host, "stopped");
      await done(host.control().start());
      await expectState(host, "running");
      await done(host.control().stop());
      await expectState(host, "stopped");
      await done(host.control().uninstall());
      await expectState(host, "absent");
    },
    "an installed service has a command, a definition, and starts at boot; an absent one none": async (host) => {
      const { state: _state, exitCode: _exitCode, ...absent } = await host.control().status();
      assert.deepEqual(absent, { pid: null, startsAtBoot: false, command: null, definition: null });
      await done(host.control().install(host.definition));
      const { command, definition, startsAtBoot, pid } = await host.control().status();
      assert.deepEqual(command, [...host.definition.self, "service", "run", ...host.definition.words]);
      assert.ok(definition);
      assert.deepEqual([startsAtBoot, pid], [true, null]);
    },
    "a running service has a pid, and another one when it was started again": async (host) => {
      await done(host.control().install(host.definition));
      await done(host.control().start());
      const { pid } = await host.control().status();
      assert.equal(typeof pid, "number");
      await done(host.control().stop());
      assert.equal((await host.control().status()).pid, null);
      await done(host.control().start());
      await expectState(host, "running");
    },
    "a service is uninstalled though it runs": async (host) => {
      await done(host.control().install(host.definition));
      await done(host.control().start());
      await done(host.control().uninstall());
      await expectState(host, "absent");
    },
    "another definition replaces the one before; what ran runs again, what was stopped stays so": async (host) => {
      const { definition } = host;
      const installWith = async (...words: string[]) =>
        await done(host.control().install({ ...definition, words: [...definition.words, ...words] }));
      await installWith();
      await installWith("--pool", "21000-21999");
      await expectState(host, "stopped");
      await done(host.control().start());
      await installWith("--pool", "22000-22999");
      await expectState(host, "running");
      assert.deepEqual((await host.control().status()).command?.slice(-2), ["--pool", "22000-22999"]);
    },
  };
}

function repetition(): Readonly<Record<string, ConformanceTest>> {
  return {
    "nothing is done before a step is run": async (host) => {
      assert.ok((await host.control().install(host.definition)).length > 0);
      await expectState(host, "absent");
      await done(host.control().install(host.definition));
      assert.ok((await host.control().start()).length > 0);
      await expectState(host, "stopped");
      assert.ok((await host.control().uninstall()).length > 0);
      await expectState(host, "stopped");
    },
    "every step says what it does": async (host) => {
      const steps = await host.control().install(host.definition);
      assert.deepEqual(steps.filter(({ does }) => !/^\S.*\S$/.test(does)), []);
    },
    "what is so already takes no step": async (host) => {
      assert.deepEqual(await host.control().uninstall(), []);
      await done(host.control().install(host.definition));
      assert.deepEqual(await host.control().install(host.definition), []);
      assert.deepEqual(await host.control().stop(), []);
      await done(host.control().start());
      assert.deepEqual(await host.control().start(), []);
      assert.deepEqual(await host.control().install(host.definition), []);
      await done(host.control().uninstall());
      assert.deepEqual(await host.control().uninstall(), []);
    },
  };
}

function refusals(): Readonly<Record<string, ConformanceTest>> {
  return {
    "what is not installed is neither started nor stopped": async (host) => {
      await assert.rejects(host.control().start(), /^Error: Cannot .*not installed/);
      await assert.rejects(host.control().stop(), /^Error: Cannot .*not installed/);
      await expectState(host, "absent");
    },
    "who may change the service is not refused, and who may not is refused with who may": async (host) => {
      assert.equal(await host.control().refusal(), undefined);
      if (host.stranger !== undefined) assert.match(await host.stranger().refusal() ?? "", /\S \S/);
      await expectState(host, "absent");
    },
    "who may not change the service may look at it": async (host) => {
      await done(host.control().install(host.definition));
      const stranger = host.stranger?.() ?? host.control();
      assert.equal((await stranger.status()).state, "stopped");
    },
    "its log is a file of its state folder, or the journal": (host) => {
      const log = host.control().log(host.definition.stateDir);
      const place = log.kind === "file" ? log.path : log.command[0];
      assert.ok(log.kind === "journal" || place.startsWith(host.definition.stateDir));
      assert.match(place, /^(?:\/|[A-Z]:\\)/i);
      return Promise.resolve();
    },
  };
}

async function expectState(host: ConformanceHost, state: ServiceState): Promise<void> {
  assert.equal((await host.control().status()).state, state);
}
