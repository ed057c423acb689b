/** `scm`: whether the Service Control Manager can start and stop this very program, and how it sees its end. */
import { join } from "node:path";
import {
  SERVICE_RUNNING,
  SERVICE_START_PENDING,
  SERVICE_STOP_PENDING,
  SERVICE_STOPPED,
} from "../../os/windows/advapi32.ts";
import { ERROR_PROCESS_ABORTED, WindowsError } from "../../os/windows/win32_error.ts";
import { denoDirOf } from "../../service/deno_dir.ts";
import { refuseUnsafe } from "../../service/inspect.ts";
import type { FilesWithAcl } from "../../service/windows/acl.ts";
import { joinCommandLine } from "../../os/windows/command_line.ts";
import { inspectedFiles } from "../../service/windows/inspected_files.ts";
import type { RegistryKeys } from "../../service/windows/keys.ts";
import { childWords, type Starter } from "../child.ts";
import { type Item, type Outcome, skipped, verdict } from "../self_test.ts";
import { inPrivateFolder, privateFolderOf, readNote } from "./private_folder.ts";
import { ABORT, REPORT } from "./service_part.ts";
import { TestService, type TestServiceParts } from "./test_service.ts";

/** What the item works with. */
export interface ServiceItemParts extends TestServiceParts, Starter {
  readonly tag: string;
  readonly files: FilesWithAcl;
  readonly keys: RegistryKeys;
}

/** The item. */
export function serviceItem(parts: ServiceItemParts): Item {
  return {
    id: "scm",
    does: "make a service that runs this program as LocalSystem, start and stop it twice, and remove it",
    run: () =>
      mayOthersChange(parts) ? Promise.resolve(REFUSED) : inPrivateFolder(parts, (folder) => run(folder, parts)),
  };
}

const REFUSED = skipped("others may change this program, so it is not run with the system's rights; install it first");

/** Whether somebody without an administrator's rights may change what the service would run. */
function mayOthersChange({ self, files, tag }: ServiceItemParts): boolean {
  const definition = {
    self: self as [string, ...string[]],
    words: [],
    stateDir: privateFolderOf(tag),
    reserve: [],
  };
  try {
    refuseUnsafe(definition, { files: inspectedFiles(files), denoDir: denoDirOf("windows", Deno.env.toObject()) });
    return false;
  } catch (error) {
    if (error instanceof WindowsError) throw error;
    return true;
  }
}

async function run(folder: string, parts: ServiceItemParts): Promise<Outcome> {
  const service = new TestService(parts.tag, parts);
  try {
    service.create(joinCommandLine(childWords(parts, "service", folder) as [string, ...string[]]));
    giveModules(service.name, parts);
    return await testService(folder, service);
  } finally {
    await service.remove();
  }
}

async function testService(folder: string, service: TestService): Promise<Outcome> {
  const begin = performance.now();
  service.start();
  const isRunning = await service.reaches(SERVICE_RUNNING, SERVICE_START_PENDING);
  const runningMs = isRunning ? msSince(begin) : null;
  const report = readNote(folder, REPORT);
  const paramChange = runningMs === null ? null : service.notifyOfChange();
  const isStillRunning = service.status().state === SERVICE_RUNNING;
  const stopBegin = performance.now(), stopError = isStillRunning ? service.stop() : null;
  const isStopped = await service.reaches(SERVICE_STOPPED, SERVICE_STOP_PENDING);
  const stoppedMs = isStopped ? msSince(stopBegin) : null;
  const { exitCode } = service.status();
  Deno.writeTextFileSync(join(folder, ABORT), "");
  service.start();
  await service.reaches(SERVICE_RUNNING, SERVICE_START_PENDING); // it may have aborted already
  await service.reaches(SERVICE_STOPPED, SERVICE_RUNNING);
  const { exitCode: abortedCode } = service.status();
  const objections = [
    [runningMs !== null, "it does not come to run"],
    [report !== undefined, "its process has noted nothing"],
    [runningMs === null || isStillRunning, "it ends when it is notified of a change"],
    [stopError === 0 && stoppedMs !== null && exitCode === 0, "it does not stop as it is asked to"],
    [abortedCode === ERROR_PROCESS_ABORTED, "a process that ends without a report does not count as aborted"],
  ] as const;
  return verdict(objections.filter(([holds]) => !holds).map(([, objection]) => objection), {
    standardHandles: report === undefined ? null : JSON.parse(report),
    runningMs,
    paramChange,
    stoppedMs,
    exitCode,
    abortedCode,
  });
}

/** Names the folder of Deno's modules to a service that runs from source, as `portd service install` does. */
function giveModules(name: string, { self, keys }: ServiceItemParts): void {
  const denoDir = denoDirOf("windows", Deno.env.toObject()), registry = Deno.env.get("NPM_CONFIG_REGISTRY");
  if (self.length === 1 || denoDir === undefined) return;
  const data = [`DENO_DIR=${denoDir}`, ...registry === undefined ? [] : [`NPM_CONFIG_REGISTRY=${registry}`]];
  keys.set(`SYSTEM\\CurrentControlSet\\Services\\${name}`, { name: "Environment", data });
}

function msSince(begin: number): number {
  return Math.round(performance.now() - begin);
}
