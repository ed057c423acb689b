/** Rules of Windows' firewall for tests: what the conformance suite does to them by hand, and a Windows in memory. */
import assert from "node:assert/strict";
import { PortdError } from "../../src/errors.ts";
import { WindowsFirewall, type WindowsParts } from "../../src/firewall/windows/backend.ts";
import { ComError } from "../../src/firewall/windows/com.ts";
import type { Host, ServiceState } from "../../src/firewall/windows/host.ts";
import { LOCAL_RULES } from "../../src/firewall/windows/policy.ts";
import type { Registry } from "../../src/os/windows/registry.ts";
import type { RuleProperties } from "../../src/firewall/windows/rule_form.ts";
import type { ModifyState, RuleWriter } from "../../src/firewall/windows/rules.ts";
import type { ConformanceHost } from "../firewall/conformance.ts";

/** Where rules are kept, to be changed by hand. */
export interface RuleStore {
  list(): Promise<readonly { readonly name: string; readonly text: string }[]>;
  set(id: string, text: string): void;
  delete(id: string): void;
}

const CAPTURE = new URL("../testdata/windows/firewall_rules.txt", import.meta.url);

/** Rules that Windows or others made, as the registry has them. */
export function capturedRules(): readonly string[] {
  const lines = Deno.readTextFileSync(CAPTURE).split("\n");
  return lines.filter((line) => line.startsWith("v") && !line.includes("[portd "));
}

/** The message of a call that must fail because the firewall cannot be used. */
export async function unavailable(call: Promise<unknown>): Promise<string> {
  const error = await call.then(() => assert.fail("did not fail"), (error) => error);
  assert.ok(error instanceof PortdError && error.code === "firewall_unavailable", String(error));
  return error.message;
}

/** A line of a rule of portd. @param mark is what the description ends with. */
export function ruleLine(name: string, { port = 20417, mark = "[portd 1a2b3c4d]", group = "portd" } = {}): string {
  return `v2.33|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|Profile=Private|LPort=${port}|` +
    `RA4=LocalSubnet|RA6=LocalSubnet|Name=${name}|Desc=x ${mark}|EmbedCtxt=${group}|`;
}

/** Rules that look like ours, of which none is. */
function lookAlikes(): readonly string[] {
  return [
    ruleLine("portd-in-tcp-20417 shop/web", { mark: "", group: "" }),
    ruleLine("portd-in-tcp-20418 shop/web", { mark: "[portd 1a2b3c4f]" }),
    ruleLine("Shop", { port: 20419 }),
    ruleLine("portd-in-tcp-20420 shop/web", { group: "portd2" }),
    ruleLine("PORTD-IN-TCP-20421 SHOP/WEB"),
  ];
}

/** The firewall of one conformance test. @param store holds nothing yet. */
export function conformanceHost(
  store: RuleStore,
  parts: WindowsParts,
  dispose: () => void = () => {},
): ConformanceHost {
  const foreign: string[] = [];
  const find = async (owner: string, name: string) => {
    const isIt = (text: string) => text.includes(`|Name=${name} `) && text.includes(`[portd ${owner}]|`);
    return (await store.list()).find(({ text }) => isIt(text))!;
  };
  return {
    backend: (owner) => new WindowsFirewall(parts, { owner, listeners: () => [] }),
    addForeign: (count) => {
      const lines = [...lookAlikes(), ...capturedRules()];
      for (let i = 0; i < count; i++) {
        const id = `{F0000000-0000-4000-8000-${String(foreign.length).padStart(12, "0")}}`;
        store.set(id, lines[i % lines.length]!);
        foreign.push(id);
      }
      return Promise.resolve();
    },
    foreign: async () => {
      const texts = new Map((await store.list()).map(({ name, text }) => [name, text]));
      return foreign.map((id) => `${id} ${texts.get(id)}`);
    },
    alter: async (owner, name) => {
      const { name: id, text } = await find(owner, name);
      store.set(id, text.replace("Action=Allow", "Action=Block"));
    },
    takeAway: async (owner, name) => store.delete((await find(owner, name)).name),
    duplicate: async (owner, name) => {
      const { text } = await find(owner, name);
      store.set("{D0000000-0000-4000-8000-000000000000}", text);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(dispose()),
  };
}

/** A Windows in memory: its registry, and a COM that writes there what Windows would. */
export class MemoryWindows implements RuleStore, Registry, Host, RuleWriter {
  /** Values by key. */
  readonly keys = new Map<string, Map<string, string | number>>([[LOCAL_RULES, new Map()]]);
  /** Calls of COM, `add portd-in-tcp-20417 web`. */
  readonly calls: string[] = [];
  /** What COM answers to a call: an HRESULT. */
  answer: (call: string) => number = () => 0;
  /** Reading fails with it while it is set. */
  readFailure: Error | undefined;
  service: ServiceState = "running";
  elevated: boolean | undefined = true;
  state: ModifyState = "ok";
  /** Paths of programs by pid. */
  readonly programs = new Map<number, string>();
  #ids = 0;

  get parts(): WindowsParts {
    return { registry: this, host: this, openRules: () => this.#answerTo("open").then(() => this) };
  }

  exists(path: string): boolean {
    return this.keys.has(path);
  }

  number(path: string, name: string): number | undefined {
    const value = this.keys.get(path)?.get(name);
    return typeof value === "number" ? value : undefined;
  }

  texts(path: string) {
    if (this.readFailure !== undefined) return Promise.reject(this.readFailure);
    const values = this.keys.get(path);
    const texts = [...values ?? []].flatMap(([name, text]) => typeof text === "string" ? [{ name, text }] : []);
    return Promise.resolve(values === undefined ? undefined : texts);
  }

  async list() {
    return await this.texts(LOCAL_RULES) ?? [];
  }

  set(id: string, text: string): void {
    this.keys.get(LOCAL_RULES)!.set(id, text);
  }

  delete(id: string): void {
    this.keys.get(LOCAL_RULES)!.delete(id);
  }

  programOf(pid: number): string | undefined {
    return this.programs.get(pid);
  }

  serviceState(): Promise<ServiceState> {
    return Promise.resolve(this.service);
  }

  isElevated(): boolean | undefined {
    return this.elevated;
  }

  variable(name: string): string | undefined {
    return name === "Tools" ? "C:\\Tools" : undefined;
  }

  async add(rule: RuleProperties): Promise<void> {
    await this.#answerTo(`add ${rule.name}`);
    this.set(`{A0000000-0000-4000-8000-${String(this.#ids++).padStart(12, "0")}}`, lineOf(rule));
  }

  async remove(name: string): Promise<void> {
    await this.#answerTo(`remove ${name}`);
    const found = (await this.list()).filter(({ text }) => text.toLowerCase().includes(`|name=${name.toLowerCase()}|`));
    if (found.length === 0) throw new ComError("INetFwRules::Remove", 0x80070002);
    for (const { name: id } of found) this.delete(id);
  }

  async modifyState(): Promise<ModifyState> {
    await this.#answerTo("modify state");
    return this.state;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#answerTo("close");
  }

  #answerTo(call: string): Promise<void> {
    this.calls.push(call);
    const hresult = this.answer(call);
    return hresult === 0 ? Promise.resolve() : Promise.reject(new ComError(call, hresult));
  }
}

function lineOf(
  { name, description, group, direction, protocol, localPorts, remoteAddresses, profiles }: RuleProperties,
) {
  const bits = Object.entries({ Domain: 1, Private: 2, Public: 4 }).filter(([, bit]) => (profiles & bit) !== 0);
  const remote = remoteAddresses === "*" ? [] : remoteAddresses.split(",").flatMap((address) => {
    if (address === "LocalSubnet") return ["RA4=LocalSubnet", "RA6=LocalSubnet"];
    return address.includes(":") ? [`RA6=${address.replace(/\/128$/, "")}`] : [`RA4=${address.replace(/\/32$/, "")}`];
  });
  const fields = [
    "v2.33",
    "Action=Allow",
    "Active=TRUE",
    `Dir=${direction === "in" ? "In" : "Out"}`,
    `Protocol=${protocol}`,
    ...bits.map(([word]) => `Profile=${word}`),
    `LPort=${localPorts}`,
    ...remote,
    `Name=${name}`,
    `Desc=${description}`,
    `EmbedCtxt=${group}`,
  ];
  return `${fields.join("|")}|`;
}
