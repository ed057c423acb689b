/**
 * Who may do what with files of Windows: security descriptors as bytes, [MS-DTYP] 2.4.6, and what they mean for a
 * program that runs as LocalSystem. Pure; acl.ts reads and writes them.
 */
import { sidBytesAt, sidText } from "../../os/windows/sid.ts";
import type { PathRole } from "../inspect.ts";

/** An entry of an access list that gives rights. */
export interface Grant {
  readonly sid: string;
  /** `ACCESS_MASK`. */
  readonly mask: number;
  /** Whether it is only for what is made within the folder. */
  readonly inheritOnly: boolean;
}

/** The part of a descriptor that counts. Entries that deny rights are ignored: what they mean depends on who asks. */
export interface Descriptor {
  /** Null where there is none. */
  readonly owner: string | null;
  /** Null where there is no list, which gives everybody everything. */
  readonly grants: readonly Grant[] | null;
}

/** Trusted as much as the system itself: SYSTEM, Administrators and TrustedInstaller. */
export const TRUSTED: readonly string[] = [
  "S-1-5-18",
  "S-1-5-32-544",
  "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464",
];
const EVERYBODY = "S-1-1-0", NOBODY = "S-1-0-0";
/** Stand for the owner: of this file, and of what will be made within this folder. */
const OWNER_RIGHTS = "S-1-3-4", CREATOR_OWNER = "S-1-3-0";

const OWNER = 4, DACL = 16, CONTROL = 2, DACL_PRESENT = 4;
/** Types of entries that give rights: without a condition, or with one, which counts as met. */
const ALLOWED = [0, 9];
/** The same for an object that a GUID names. Files have no such objects, so the rights count as those of the file. */
const ALLOWED_OBJECT = [5, 11];
const HAS_GUID = 1, HAS_INHERITED_GUID = 2, GUID_SIZE = 16;
const INHERIT_ONLY = 8;

/** Reads a self-relative SECURITY_DESCRIPTOR. */
export function parseDescriptor(bytes: Uint8Array): Descriptor {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const owner = view.getUint32(OWNER, true), dacl = view.getUint32(DACL, true);
  const hasList = (view.getUint16(CONTROL, true) & DACL_PRESENT) !== 0 && dacl !== 0;
  return {
    owner: owner === 0 ? null : sidAt(bytes, owner),
    grants: hasList ? [...parseList(bytes, view, dacl)] : null,
  };
}

function* parseList(bytes: Uint8Array, view: DataView, start: number): Generator<Grant> {
  let at = start + 8;
  for (let left = view.getUint16(start + 4, true); left > 0; left--) {
    const [type, flags] = [view.getUint8(at), view.getUint8(at + 1)];
    const isObject = ALLOWED_OBJECT.includes(type);
    if (ALLOWED.includes(type) || isObject) {
      const sid = at + 8 + (isObject ? 4 + guidsSize(view.getUint32(at + 8, true)) : 0);
      const inheritOnly = (flags & INHERIT_ONLY) !== 0;
      yield { sid: sidAt(bytes, sid), mask: view.getUint32(at + 4, true), inheritOnly };
    }
    at += view.getUint16(at + 2, true);
  }
}

function guidsSize(flags: number): number {
  return GUID_SIZE * [HAS_GUID, HAS_INHERITED_GUID].filter((flag) => (flags & flag) !== 0).length;
}

function sidAt(bytes: Uint8Array, at: number): string {
  return sidText(sidBytesAt(bytes, at));
}

/** The root of a drive is an ancestor that nobody can rename. */
export type WindowsPathRole = PathRole | "root";

const ADD_OR_WRITE = 0x2 | 0x4, DELETE_CHILD = 0x40, DELETE = 0x10000, WRITE_DAC = 0x40000, WRITE_OWNER = 0x80000;
const GENERIC_ALL = 0x10000000, GENERIC_WRITE = 0x40000000;
const RULE = WRITE_DAC | WRITE_OWNER | GENERIC_ALL;
const CHANGE = RULE | ADD_OR_WRITE | DELETE_CHILD | DELETE | GENERIC_WRITE;
const RIGHTS: Readonly<Record<WindowsPathRole, number>> = {
  file: CHANGE,
  folder: CHANGE,
  ancestor: RULE | DELETE_CHILD | DELETE,
  root: RULE | DELETE_CHILD,
};

/** The SIDs of those who may change what is at a path and are not trusted. An owner may change the access list. */
export function whoMayChange(
  { owner, grants }: Descriptor,
  role: WindowsPathRole,
  trusted: ReadonlySet<string>,
): string[] {
  const changing = grants?.filter(({ mask, inheritOnly }) => !inheritOnly && (mask & RIGHTS[role]) !== 0) ?? null;
  return whoMayOpen({ owner, grants: changing }, trusted);
}

/** The SIDs of those who have any right to a folder, or to what is made within it, and are not trusted. */
export function whoMayOpen({ owner, grants }: Descriptor, trusted: ReadonlySet<string>): string[] {
  if (grants === null) return [EVERYBODY];
  const sids = new Set([owner ?? NOBODY, ...grants.map(({ sid }) => sid)]);
  return [...sids].filter((sid) => sid !== OWNER_RIGHTS && sid !== CREATOR_OWNER && !trusted.has(sid));
}
