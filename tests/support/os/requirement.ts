/**
 * Tests of the real system say what they need. Where it is missing they are skipped, with the reason in their name.
 * With `CI=true` a skip is a failure, because there everything must be present.
 */

/** Says what is missing, or `undefined` when nothing is. */
export type Requirement = () => string | undefined;

/** Registers a test that runs where every requirement is met. */
export function osTest(
  name: string,
  requirements: readonly Requirement[],
  fn: (context: Deno.TestContext) => Promise<void>,
): void {
  const lacking = requirements.map((requirement) => requirement()).filter((reason) => reason !== undefined);
  if (lacking.length === 0) {
    Deno.test(name, fn);
  } else if (Deno.env.get("CI") === "true") {
    Deno.test(name, () => {
      throw new Error(`Cannot skip a test where CI=true: ${lacking.join("; ")}`);
    });
  } else {
    Deno.test({ name: `${name} (skipped: ${lacking.join("; ")})`, ignore: true, fn });
  }
}

/** The test is about Linux. */
export function linux(): string | undefined {
  return Deno.build.os === "linux" ? undefined : `needs Linux, this is ${Deno.build.os}`;
}

/** The test is about this machine architecture. */
export function x64(): string | undefined {
  return Deno.build.arch === "x86_64" ? undefined : `needs x86_64, this is ${Deno.build.arch}`;
}

/** The test mounts, or changes the user. */
export function root(): string | undefined {
  return Deno.build.os !== "windows" && Deno.uid() === 0 ? undefined : "needs root";
}

/** The test calls programs by name, or by path. */
export function tools(...names: readonly string[]): Requirement {
  return () => {
    const missing = names.filter((name) => !isOnPath(name));
    return missing.length === 0 ? undefined : `needs ${missing.join(", ")}`;
  };
}

/** The test installs packages. */
export function npmRegistry(): string | undefined {
  if (!isOnPath("npm")) return "needs npm";
  const { success } = new Deno.Command("npm", { args: ["ping"], stdin: "null", stdout: "null", stderr: "null" })
    .outputSync();
  return success ? undefined : "needs the npm registry, which does not answer";
}

function isOnPath(name: string): boolean {
  const folders = name.startsWith("/") ? [""] : (Deno.env.get("PATH") ?? "").split(":").map((folder) => `${folder}/`);
  return folders.some((folder) => {
    try {
      return Deno.statSync(folder + name).isFile;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
      throw error;
    }
  });
}
