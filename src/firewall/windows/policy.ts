/** What the registry of Windows keeps of its firewall: rules and settings, of this machine and of group policy. */
import { Turns } from "../../os/turns.ts";
import type { Registry } from "../../os/windows/registry.ts";
import type { Profile } from "../rule.ts";
import { type StoredRule, storedRule } from "./rule_form.ts";

/** The firewall's settings in one profile, as they are in force: those of group policy go before those of the machine. */
export interface ProfileSettings {
  readonly profile: Profile;
  /** Whether the firewall is on. */
  readonly enabled: boolean;
  /** Whether it blocks all that comes in, whatever the rules say. */
  readonly shielded: boolean;
  /** Whether group policy leaves the rules of this machine in force. */
  readonly localRules: boolean;
}

const LOCAL = "SYSTEM\\CurrentControlSet\\Services\\SharedAccess\\Parameters\\FirewallPolicy";
const POLICY = "SOFTWARE\\Policies\\Microsoft\\WindowsFirewall";
const SERVICE = "SYSTEM\\CurrentControlSet\\Services\\mpssvc";
const SERVICE_DISABLED = 4;

/** Where the rules of this machine are. */
export const LOCAL_RULES = `${LOCAL}\\FirewallRules`;
/** Where those of group policy are. */
export const POLICY_RULES = `${POLICY}\\FirewallRules`;

/** Keys of the profiles; for this machine, the private one bears an old name. */
const LOCAL_KEYS = { domain: "DomainProfile", private: "StandardProfile", public: "PublicProfile" } as const;
const POLICY_KEYS = { domain: "DomainProfile", private: "PrivateProfile", public: "PublicProfile" } as const;
/** Of an old policy, for both profiles but the domain's; heeded where it alone is set. [MS-GPFAS] 2.2.3. */
const OLD_POLICY_KEY = "StandardProfile";
const PROFILES: readonly Profile[] = ["domain", "private", "public"];

/**
 * Reads all rules of one of the two places; others get their turn meanwhile.
 *
 * @returns `undefined` where there is no such place.
 * @throws where it cannot be read.
 */
export async function readRules(registry: Registry, path: string): Promise<readonly StoredRule[] | undefined> {
  const texts = await registry.texts(path);
  if (texts === undefined) return undefined;
  const turns = new Turns(), rules: StoredRule[] = [];
  for (const { name, text } of texts) {
    rules.push(storedRule(name, text));
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

/** Whether the firewall's service may not be started. @throws where the registry cannot be read. */
export function isServiceDisabled(registry: Registry): boolean {
  return registry.number(SERVICE, "Start") === SERVICE_DISABLED;
}
