/** Writes rules of Windows' firewall through COM: `INetFwPolicy2`, `INetFwRules` and `INetFwRule` of netfw.h. */
import { VARIANT_FALSE, VARIANT_TRUE } from "../../os/windows/oleaut32.ts";
import { type ComClass, type ComLibraries, type ComMethod, ComObject, ComUsage, guidBytes } from "./com.ts";
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

/** `NET_FW_RULE_DIRECTION`, icftypes.h. */
const DIRECTION = { in: 1, out: 2 } as const;
/** `NET_FW_ACTION`, icftypes.h. */
const ACTION_ALLOW = 1;
const MODIFY_STATES: readonly ModifyState[] = ["ok", "overridden", "inbound blocked"];

/** BSTR and objects; LONG and enumerations; VARIANT_BOOL; where a method writes. */
const POINTER = "pointer", LONG = "i32", BOOL = "i16", RESULT = "buffer";

/** Slots in the tables of netfw.h, after the three of IUnknown and the four of IDispatch. */
const GET_RULES: ComMethod = { name: "INetFwPolicy2::get_Rules", slot: 18, parameter: RESULT };
const GET_MODIFY_STATE: ComMethod = { name: "INetFwPolicy2::get_LocalPolicyModifyState", slot: 28, parameter: RESULT };
const ADD: ComMethod = { name: "INetFwRules::Add", slot: 8, parameter: POINTER };
const REMOVE: ComMethod = { name: "INetFwRules::Remove", slot: 9, parameter: POINTER };

/** The methods `put_…` of INetFwRule and what they are given, in the order in which they are called. */
function propertiesOf(rule: RuleProperties): readonly (readonly [string, number, Deno.NativeType, string | number])[] {
  return [
    ["Name", 8, POINTER, rule.name],
    ["Description", 10, POINTER, rule.description],
    ["Grouping", 36, POINTER, rule.group],
    ["Direction", 28, LONG, DIRECTION[rule.direction]],
    ["Protocol", 16, LONG, rule.protocol], // before the ports, which only some protocols have
    ["LocalPorts", 18, POINTER, rule.localPorts],
    ["RemoteAddresses", 24, POINTER, rule.remoteAddresses],
    ["Profiles", 38, LONG, rule.profiles],
    ["Action", 42, LONG, ACTION_ALLOW],
    ["EdgeTraversal", 40, BOOL, VARIANT_FALSE],
    ["Enabled", 34, BOOL, rule.isActive === false ? VARIANT_FALSE : VARIANT_TRUE],
  ];
}

/**
 * Opens the rules of this machine. Calls run on another thread; they usually take tens of milliseconds, at times
 * minutes.
 *
 * @throws {ComError}
 */
export async function openRules(libraries: ComLibraries): Promise<RuleWriter> {
  await using stack = new AsyncDisposableStack();
  const com = stack.use(await ComUsage.start(libraries));
  const policy = stack.use(await com.create(POLICY));
  const address = new BigUint64Array(1);
  await policy.call(GET_RULES, address);
  const rules = stack.use(new ComObject(address[0]!));
  const opened = stack.move();
  const put = async (object: ComObject, method: ComMethod, value: string | number) => {
    if (typeof value === "number") return await object.call(method, value);
    using text = com.text(value);
    await object.call(method, text.pointer);
  };
  return {
    async add(rule) {
      await using object = await com.create(RULE);
      for (const [name, slot, parameter, value] of propertiesOf(rule)) {
        await put(object, { name: `INetFwRule::put_${name}`, slot, parameter }, value);
      }
      await rules.call(ADD, object.pointer);
    },
    remove: (name) => put(rules, REMOVE, name),
    async modifyState() {
      const state = new Int32Array(1);
      await policy.call(GET_MODIFY_STATE, state);
      return MODIFY_STATES[state[0]!] ?? "unknown";
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
