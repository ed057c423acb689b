/** Writes rules of Windows' firewall through COM: `INetFwPolicy2`, `INetFwRules` and `INetFwRule` of netfw.h. */
import { VARIANT_FALSE, VARIANT_TRUE } from "../../os/windows/oleaut32.ts";
import { type ComClass, type ComLibraries, type ComMethod, type ComObject, ComUsage, guidBytes } from "./com.ts";
import type { RuleProperties } from "./rule_form.ts";

/** Whether rules of this machine can have an effect in the networks that it is on; `NET_FW_MODIFY_STATE`, icftypes.h. */
export type ModifyState = "ok" | "overridden" | "inbound blocked" | "unknown";

/** Adds and removes rules. Await each call before the next. */
export interface RuleWriter extends AsyncDisposable {
  /** Adds a rule, also where there is one with its name. @throws {ComError} */
  add(rule: RuleProperties): Promise<void>;
  /** Removes the rule with a name, ours or foreign. @throws {ComError}, also when there is none. */
  remove(name: string): Promise<void>;
  /** @throws {ComError} */
  modifyState(): Promise<ModifyState>;
}

const POLICY: ComClass = {
  clsid: guidBytes("E2B3C97F-6AE1-41AC-817A-F6F92166D7DD"),
  iid: guidBytes("98325047-C671-4174-8D81-DEFCD3F03186"),
};
const RULE: ComClass = {
  clsid: guidBytes("2C5BC43E-3369-4C33-AB0C-BE9469677AF4"),
  iid: guidBytes("AF230D27-BABA-4E42-ACED-F524F22CFCE2"),
};

/** Slots in the tables of netfw.h, after the three of IUnknown and the four of IDispatch. */
const GET_RULES: ComMethod = { name: "INetFwPolicy2::get_Rules", slot: 18, parameters: ["buffer"] };
const GET_MODIFY_STATE: ComMethod = {
  name: "INetFwPolicy2::get_LocalPolicyModifyState",
  slot: 28,
  parameters: ["buffer"],
};
const ADD: ComMethod = { name: "INetFwRules::Add", slot: 8, parameters: ["pointer"] };
const REMOVE: ComMethod = { name: "INetFwRules::Remove", slot: 9, parameters: ["pointer"] };

const TEXT: readonly Deno.NativeType[] = ["pointer"]; // BSTR
const LONG: readonly Deno.NativeType[] = ["i32"]; // LONG and enumerations
const BOOL: readonly Deno.NativeType[] = ["i16"]; // VARIANT_BOOL
const PUT = {
  name: { name: "INetFwRule::put_Name", slot: 8, parameters: TEXT },
  description: { name: "INetFwRule::put_Description", slot: 10, parameters: TEXT },
  protocol: { name: "INetFwRule::put_Protocol", slot: 16, parameters: LONG },
  localPorts: { name: "INetFwRule::put_LocalPorts", slot: 18, parameters: TEXT },
  remoteAddresses: { name: "INetFwRule::put_RemoteAddresses", slot: 24, parameters: TEXT },
  direction: { name: "INetFwRule::put_Direction", slot: 28, parameters: LONG },
  enabled: { name: "INetFwRule::put_Enabled", slot: 34, parameters: BOOL },
  group: { name: "INetFwRule::put_Grouping", slot: 36, parameters: TEXT },
  profiles: { name: "INetFwRule::put_Profiles", slot: 38, parameters: LONG },
  edge: { name: "INetFwRule::put_EdgeTraversal", slot: 40, parameters: BOOL },
  action: { name: "INetFwRule::put_Action", slot: 42, parameters: LONG },
} as const satisfies Record<string, ComMethod>;

/** `NET_FW_RULE_DIRECTION`, icftypes.h. */
const DIRECTION = { in: 1, out: 2 } as const;
/** `NET_FW_ACTION`, icftypes.h. */
const ACTION_ALLOW = 1;
const MODIFY_STATES: readonly ModifyState[] = ["ok", "overridden", "inbound blocked"];

/** The rules of this machine. Its calls run on another thread; they usually take tens of milliseconds, at times minutes. */
export class WindowsRules implements RuleWriter {
  readonly #com: ComUsage;
  readonly #policy: ComObject;
  readonly #rules: ComObject;
  readonly #opened: AsyncDisposableStack;

  private constructor(com: ComUsage, policy: ComObject, rules: ComObject, opened: AsyncDisposableStack) {
    this.#com = com;
    this.#policy = policy;
    this.#rules = rules;
    this.#opened = opened;
  }

  /** @throws {ComError} */
  static async open(libraries: ComLibraries): Promise<WindowsRules> {
    await using stack = new AsyncDisposableStack();
    const com = stack.use(await ComUsage.start(libraries));
    const policy = stack.use(await com.create(POLICY));
    const rules = stack.use(await policy.callForObject(GET_RULES));
    return new WindowsRules(com, policy, rules, stack.move());
  }

  async add(rule: RuleProperties): Promise<void> {
    await using object = await this.#com.create(RULE);
    await this.#putText(object, PUT.name, rule.name);
    await this.#putText(object, PUT.description, rule.description);
    await this.#putText(object, PUT.group, rule.group);
    await object.call(PUT.direction, DIRECTION[rule.direction]);
    await object.call(PUT.protocol, rule.protocol); // before the ports, which only some protocols have
    await this.#putText(object, PUT.localPorts, rule.localPorts);
    await this.#putText(object, PUT.remoteAddresses, rule.remoteAddresses);
    await object.call(PUT.profiles, rule.profiles);
    await object.call(PUT.action, ACTION_ALLOW);
    await object.call(PUT.edge, VARIANT_FALSE);
    await object.call(PUT.enabled, VARIANT_TRUE);
    await this.#rules.call(ADD, object.pointer);
  }

  async remove(name: string): Promise<void> {
    await this.#putText(this.#rules, REMOVE, name);
  }

  async modifyState(): Promise<ModifyState> {
    const state = new Int32Array(1);
    await this.#policy.call(GET_MODIFY_STATE, state);
    return MODIFY_STATES[state[0]!] ?? "unknown";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }

  async #putText(object: ComObject, method: ComMethod, value: string): Promise<void> {
    using text = this.#com.text(value);
    await object.call(method, text.pointer);
  }
}
