/** `deno task install [--root DIR]` and `deno task uninstall [--root DIR]`: portd on the PATH. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { denoCommand } from "../src/cli/deno_command.ts";
import { describeSystemError } from "../src/errors.ts";
import { openServiceControl } from "../src/service/open.ts";
import type { ServiceStatus } from "../src/service/service.ts";
import { VERSION } from "../src/version.ts";
import {
  install,
  isOnPath,
  type Places,
  placesIn,
  possiblePlaces,
  refuseIfService,
  shadowOf,
  type Target,
  uninstall,
} from "./installation.ts";

const TARGET: Target = {
  os: Deno.build.os,
  env: Deno.env.toObject(),
  isRoot: Deno.build.os !== "windows" && Deno.uid() === 0,
};

function placesOf(root: string | undefined): readonly Places[] {
  // deno task runs in the folder of the checkout.
  return root === undefined ? possiblePlaces(TARGET) : [placesIn(resolve(TARGET.env.INIT_CWD ?? ".", root), TARGET.os)];
}

async function runInstall(root: string | undefined): Promise<void> {
  const [places] = placesOf(root) as [Places];
  const { bin, launcher } = places;
  await install(places, TARGET.os);
  console.log(launcher);
  console.error(`installed portd ${VERSION}, with Deno ${Deno.version.deno}`);
  console.error("a daemon that runs already keeps its version until: portd stop");
  const shadow = shadowOf(places, TARGET);
  if (shadow !== undefined) console.error(`warning: another portd comes first on your PATH: ${shadow}`);
  if (isOnPath(bin, TARGET)) return;
  console.error(`${bin} is not on your PATH. Put it there, for this shell and for later ones:`);
  for (const line of pathLines(bin)) console.error(`  ${line}`);
}

function pathLines(bin: string): string[] {
  if (TARGET.os === "windows") {
    const later = `[Environment]::GetEnvironmentVariable('Path', 'User') + ';${bin}'`;
    return [`$env:Path += ';${bin}'`, `[Environment]::SetEnvironmentVariable('Path', ${later}, 'User')`];
  }
  const line = `export PATH="${bin}:$PATH"`;
  return [line, `echo '${line}' >> ~/.profile`];
}

/** The status of the service of this machine, or of this user. */
async function serviceStatus(isUser: boolean): Promise<ServiceStatus> {
  const options = { isUser, os: TARGET.os, env: Deno.env.toObject(), onSignal: () => () => {} };
  return await (await openServiceControl(options)).status();
}

async function runUninstall(root: string | undefined): Promise<void> {
  const unknown = await refuseIfService(placesOf(root), TARGET.os, serviceStatus);
  for (const why of unknown) console.error(`warning: whether a service runs from there is not known: ${why}`);
  const removed = placesOf(root).filter(uninstall);
  for (const { launcher, library } of removed) for (const path of [launcher, library]) console.log(`removed ${path}`);
  console.error(
    removed.length === 0
      ? `portd is not installed in ${placesOf(root).map(({ bin }) => bin).join(" or ")}`
      : `leases and settings are kept; a daemon that runs goes on until: ${
        denoCommand(Deno.execPath())
      } task portd stop`,
  );
}

async function main(): Promise<void> {
  try {
    const options = { root: { type: "string" }, remove: { type: "boolean" } } as const;
    const { root, remove } = parseArgs({ args: Deno.args, options }).values;
    await (remove ? runUninstall(root) : runInstall(root));
  } catch (error) {
    console.error(error instanceof Error ? describeSystemError(error) : String(error));
    Deno.exitCode = 1;
  }
}

if (import.meta.main) await main();
