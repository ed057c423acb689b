/** What Windows' registry has of its firewall: rules and settings, of this machine and of group policy. */
import { Turns } from "../../os/turns.ts";
import type { Registry } from "../../os/windows/registry.ts";
import { type Profile, PROFILES } from "../rule.ts";
import type { StoredRule } from "./rule_form.ts";
import { parseRuleText } from "./rule_text.ts";

/** The firewall's effective settings in one profile: those of group policy override those of the machine. */
export interface ProfileSettings {
  readonly profile: Profile;
  /** Whether the firewall is on. */
  readonly enabled: boolean;
  /** Whether it blocks everything that comes in, despite the rules. */
  readonly shielded: boolean;
  /** Whether group policy leaves the rules of this machine in force. */
  readonly localRules: boolean;
}

const LOCAL = "SYSTEM\\CurrentControlSet\\Services\\SharedAccess\\Parameters\\FirewallPolicy";
const POLICY = "SOFTWARE\\Policies\\Microsoft\\WindowsFirewall";
const SERVICE = "SYSTEM\\CurrentControlSet\\Services\\mpssvc";
const SERVICE_DISABLED = 4;

/** The key with the rules of this machine. */
export const LOCAL_RULES = `${LOCAL}\\FirewallRules`;
/** The key with those of group policy. */
export const POLICY_RULES = `${POLICY}\\FirewallRules`;

/** Keys of the profiles; in the settings of this machine, the private one has an old name. */
const LOCAL_KEYS = { domain: "DomainProfile", private: "StandardProfile", public: "PublicProfile" } as const;
const POLICY_KEYS = { domain: "DomainProfile", private: "PrivateProfile", public: "PublicProfile" } as const;
/** Of an old policy, for the private and the public profile; it applies where neither has its own. [MS-GPFAS] 2.2.3. */
const OLD_POLICY_KEY = "StandardProfile";

/**
 * Reads all rules of one of the two keys, in turns that leave the event loop time for others.
 *
 * @returns `undefined` where there is no such key.
 * @throws where it cannot be read.
 */
export async function readRules(registry: Registry, path: string): Promise<readonly StoredRule[] | undefined> {
  const texts = await registry.texts(path);
  if (texts === undefined) return undefined;
  const turns = new Turns(), rules: StoredRule[] = [];
  for (const { name, text } of texts) {
    rules.push({ id: name, text: parseRuleText(text) });
    if (turns.isOver) await turns.next();
  }
  return rules;
}

/** Reads the settings of the profiles. @throws where they cannot be read. */
export function readProfiles(registry: Registry): readonly ProfileSettings[] {
  const isOld = !registry.exists(`${POLICY}\\${POLICY_KEYS.private}`) &&
    !registry.exists(`${POLICY}\\${POLICY_KEYS.public}`);
  return PROFILES.map((profile) => {
    const ofPolicy = (name: string) => registry.number(`${POLICY}\\${POLICY_KEYS[profile]}`, name);
    const inForce = (name: string) =>
      ofPolicy(name) ??
        (isOld && profile !== "domain" ? registry.number(`${POLICY}\\${OLD_POLICY_KEY}`, name) : undefined) ??
        registry.number(`${LOCAL}\\${LOCAL_KEYS[profile]}`, name);
    return {
      profile,
      enabled: inForce("EnableFirewall") !== 0,
      shielded: inForce("DoNotAllowExceptions") === 1,
      localRules: ofPolicy("AllowLocalPolicyMerge") !== 0,
    };
  });
}

/** Whether the firewall's service is disabled. @throws where the registry cannot be read. */
export function isServiceDisabled(registry: Registry): boolean {
  return registry.number(SERVICE, "Start") === SERVICE_DISABLED;
}
