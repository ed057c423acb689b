/** Steps that are done at once. */
import type { Step } from "../service.ts";

/** A step. @param does is what sc.exe, reg.exe or another program of Windows would be told. */
export function step(does: string, act: () => void): Step {
  const run = () => {
    act();
    return Promise.resolve();
  };
  return { does, run };
}
