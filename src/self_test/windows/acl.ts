/** `acl`: the access list of a folder that portd makes for its service. */
import type { FilesWithAcl } from "../../service/windows/acl.ts";
import { fail, type Item, ok } from "../self_test.ts";
import { inPrivateFolder } from "./private_folder.ts";

/** Owned by Administrators; all rights for SYSTEM and them, inherited; nothing from above. */
const EXPECTED = "O:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)";

/** The item. */
export function aclItem(
  parts: { readonly tag: string; readonly files: FilesWithAcl; readonly describeAccess: (folder: string) => string },
): Item {
  return {
    id: "acl",
    does: "make a folder below ProgramData that only SYSTEM and administrators may open, and remove it",
    run: () =>
      inPrivateFolder(parts, (folder) => {
        const access = parts.describeAccess(folder), value = { access, expected: EXPECTED };
        // AI says only that Windows has passed the list on to what is within.
        const isSame = access.replace("D:PAI", "D:P") === EXPECTED;
        return Promise.resolve(isSame ? ok(value) : fail("the folder has another access list", value));
      }),
  };
}
