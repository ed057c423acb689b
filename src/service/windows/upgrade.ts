/**
 * Replacing the program of the service: the new one is copied beside the old one, the service stops, the files change
 * their names, and the service starts once. Where anything of that fails, all of it is undone, and the old program runs
 * again if it ran.
 */
import { messageOf } from "../../errors.ts";
import { immediateStep, type Step } from "../service.ts";
import type { ProgramHome } from "./program_home.ts";

/** What an upgrade works with. */
export interface UpgradeParts {
  readonly home: ProgramHome;
  /** The program that is to be copied. */
  readonly source: string;
  /** Whether a service is installed, and whether it runs. */
  readonly before: { readonly isInstalled: boolean; readonly runs: boolean };
  /** Refuses the copied program when another user may change it. */
  readonly inspect: (program: string) => void;
  /** What changes the service besides its program. */
  readonly changes: readonly Step[];
  readonly stop: Step;
  readonly start: Step;
  /** Gives the service the command line and the environment that it had before. */
  readonly restoreService: () => void;
}

/** The steps. */
export function upgradeSteps(parts: UpgradeParts): Step[] {
  const { home, source, before, inspect, changes, stop, start } = parts;
  const undo = new Undo(parts);
  const copy = immediateStep(`copy ${source} to ${home.fresh}`, () => {
    home.removeReplaced(); // what an earlier upgrade had to leave
    home.copyFresh(source);
    inspect(home.fresh);
  });
  const swap = immediateStep(`put it in the place of ${home.program}`, () => undo.swapped(home.swap()));
  const finish = immediateStep("remove the program before it", () => home.removeReplaced());
  const trial: Step = { ...start, does: `${start.does}${before.isInstalled ? "; if it fails, undo all of this" : ""}` };
  return [
    undo.guard(copy),
    ...[...(before.runs ? [stop] : []), swap, ...changes, trial].map((step) => undo.guard(step)),
    ...(before.isInstalled && !before.runs ? [stop] : []),
    ...(before.isInstalled ? [finish] : []),
  ];
}

/** What must be undone when a step fails. */
class Undo {
  readonly #parts: UpgradeParts;
  #replaced: { readonly path: string | undefined } | undefined;

  constructor(parts: UpgradeParts) {
    this.#parts = parts;
  }

  /** Notes that the program was put in its place. @param path is where the one before it is now. */
  swapped(path: string | undefined): void {
    this.#replaced = { path };
  }

  /** The same step; when it fails, what was done before is undone. */
  guard(step: Step): Step {
    const run = async () => {
      try {
        await step.run();
      } catch (error) {
        throw new Error(`${messageOf(error)}; ${await this.#undo()}`, { cause: error });
      }
    };
    return { ...step, run };
  }

  /** @returns what has become of the service. */
  async #undo(): Promise<string> {
    const { home, before, restoreService, stop, start } = this.#parts;
    if (!before.isInstalled) {
      if (this.#replaced !== undefined) return "once that is mended, start it with: portd service start";
      home.removeFresh();
      return "nothing was installed";
    }
    try {
      if (this.#replaced === undefined) home.removeFresh();
      else {
        await stop.run();
        home.restore(this.#replaced.path);
        restoreService();
      }
      if (before.runs) await start.run();
      return `the service has the program that it had before${before.runs ? ", and runs" : ""}`;
    } catch (error) {
      return `the program before it could not be put back: ${messageOf(error)}`;
    }
  }
}
