/** What keeps rules on Windows from working, or from being changed, in words. Pure. */
import { contains } from "../../port/port.ts";
import type { Profile, Rule } from "../rule.ts";
import type { ServiceState } from "./host.ts";
import type { ProfileSettings } from "./policy.ts";
import { DIRECTION_WORD, type OwnRule, PROTOCOL_NUMBER, type StoredRule } from "./rule_form.ts";
import type { RuleText } from "./rule_text.ts";
import type { ModifyState } from "./rules.ts";

/** What the remarks are made from. */
export interface Circumstances {
  readonly service: ServiceState | "disabled";
  readonly elevated: boolean | undefined;
  readonly profiles: readonly ProfileSettings[];
  /** The last answer of Windows. */
  readonly modifyState: ModifyState;
  readonly own: readonly OwnRule[];
  /** All other rules, of this machine and of group policy. */
  readonly others: readonly StoredRule[];
  /** The paths of the programs that listen on exposed leases. */
  readonly programs: readonly string[];
  /** A variable of the environment, for paths of rules. */
  readonly variable: (name: string) => string | undefined;
}

const SERVICE = "The Windows Defender Firewall service (mpssvc)";
/** How many ports a sentence names. */
const MOST_PORTS = 5;

/** The remarks, a sentence each. */
export function remarksOf(circumstances: Circumstances): string[] {
  return [serviceRemarks, profileRemarks, blockRemarks].flatMap((remarks) => remarks(circumstances));
}

function serviceRemarks({ service, elevated }: Circumstances): string[] {
  const remarks: string[] = [];
  const consequence = "rules have no effect and cannot be changed until it runs";
  if (service === "disabled") remarks.push(`${SERVICE} is disabled: ${consequence}`);
  if (service === "stopped") remarks.push(`${SERVICE} does not run: ${consequence}`);
  if (elevated === false) {
    remarks.push("This portd does not run as administrator: it reads the firewall's rules, and cannot change them");
  }
  return remarks;
}

function profileRemarks({ profiles, modifyState }: Circumstances): string[] {
  const remarks: string[] = [];
  const remark = (is: (settings: ProfileSettings) => boolean, words: (names: string) => string) => {
    const names = profiles.filter(is).map(({ profile }) => profile);
    if (names.length > 0) remarks.push(words(profileNames(names)));
    return names.length > 0;
  };
  remark(({ enabled }) => !enabled, (names) => `The firewall is off in ${names}: there everything is let in anyway`);
  const shielded = remark(
    ({ enabled, shielded }) => enabled && shielded,
    (names) => `All incoming connections are blocked in ${names} (DoNotAllowExceptions): rules have no effect there`,
  );
  const overridden = remark(
    ({ localRules }) => !localRules,
    (names) =>
      `Group policy makes the rules of this machine void in ${names} (AllowLocalPolicyMerge=0): only the ` +
      "domain's administrator can let a port be reached there",
  );
  if (modifyState === "overridden" && !overridden) {
    remarks.push("Windows says that group policy overrides the rules of this machine (LocalPolicyModifyState)");
  }
  if (modifyState === "inbound blocked" && !shielded) {
    remarks.push("Windows says that all incoming connections are blocked (LocalPolicyModifyState)");
  }
  return remarks;
}

function profileNames(profiles: readonly Profile[]): string {
  if (profiles.length === 3) return "every profile";
  return `the ${profiles.join(" and ")} profile${profiles.length > 1 ? "s" : ""}`;
}

/** Windows evaluates rules that block before those that allow. */
function blockRemarks({ others, own, programs, variable }: Circumstances): string[] {
  const remarks: string[] = [];
  for (const { id, text } of others) {
    if (text?.action !== "Block" || !text.active || text.direction === undefined) continue;
    const name = `The rule "${text.name ?? id}"`, where = `in ${profileNames(text.profiles)}`;
    if (text.app !== undefined) {
      const app = expandVariables(text.app, variable);
      const program = text.direction === "In" ? programs.find((path) => samePath(path, app)) : undefined;
      if (program !== undefined) {
        remarks.push(`${name} blocks the program ${program} ${where}: it goes before any rule that allows`);
      }
      continue;
    }
    const blocked = own.flatMap(({ rule }) => rule !== undefined && blocks(text, rule) ? [rule] : []);
    if (blocked.length > 0) remarks.push(`${name} blocks ${portNames(blocked)} ${where}${condition(text)}`);
  }
  return remarks;
}

function blocks(text: RuleText, { direction, protocol, port, profiles }: Rule): boolean {
  const { localPorts } = text;
  return text.direction === DIRECTION_WORD[direction] &&
    (text.protocol === undefined || text.protocol === PROTOCOL_NUMBER[protocol]) &&
    (localPorts.length === 0 || localPorts.some((ports) => typeof ports === "object" && contains(ports, port))) &&
    profiles.some((profile) => text.profiles.includes(profile));
}

function portNames(rules: readonly Rule[]): string {
  const names = rules.slice(0, MOST_PORTS).map(({ protocol, port }) => `${port}/${protocol}`);
  const more = rules.length - names.length;
  return `port${rules.length > 1 ? "s" : ""} ${names.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** Whether a rule has conditions besides its ports, which some packets may not meet. */
function condition(text: RuleText): string {
  const isBare = text.service === undefined && text.others.length === 0 && text.remoteAddresses.length === 0;
  return isBare ? ": it goes before any rule that allows" : " under conditions of its own, before any rule that allows";
}

function expandVariables(path: string, variable: (name: string) => string | undefined): string {
  return path.replaceAll(/%([\w()]+)%/g, (whole, name) => variable(name) ?? whole);
}

/** Windows ignores case in paths. */
function samePath(one: string, other: string): boolean {
  const plain = (path: string) => path.replaceAll("/", "\\").toLowerCase();
  return plain(one) === plain(other);
}
