/** The check of ports as the daemon has it: loaded when somebody first asks for one. */
import type { Config } from "../config.ts";
import type { OpenOptions } from "../gateway/open.ts";
import type { ReachCheck, ReachCheckParts } from "../reach/check.ts";

/** Checks ports. */
type Reach = Pick<ReachCheck, "check">;

/** What {@linkcode openReach} takes from the daemon. */
interface ReachOptions extends Omit<ReachCheckParts, "openGateway"> {
  readonly config: Pick<Config, "gateway">;
  readonly openGateway: NonNullable<ReachCheckParts["openGateway"]>;
}

/** Opens the check when it is first needed. */
export function openReach({ config: { gateway: { protocol } }, openGateway, ...rest }: ReachOptions): Reach {
  const parts = {
    ...rest,
    openGateway: protocol === "none"
      ? null
      : (search: OpenOptions) => openGateway(protocol === "auto" ? search : { protocols: [protocol], ...search }),
  };
  let opening: Promise<ReachCheck> | undefined;
  const open = async () => {
    const { ReachCheck }: typeof import("../reach/check.ts") = await load("check");
    return new ReachCheck(parts);
  };
  return {
    async check(port, request) {
      opening ??= open().catch((error) => {
        opening = undefined; // the next one tries again
        throw error;
      });
      return await (await opening).check(port, request);
    },
  };
}

/** main.ts says why the import chooses. */
function load(part: "check") {
  return import(part === "check" ? "../reach/check.ts" : "../reach/reach.ts");
}
