/** The self-test of Windows. */
import { openWindowsParts } from "../../firewall/windows/backend.ts";
import type { Holds } from "../../hold/hold.ts";
import type { Scanner } from "../../listener/listener.ts";
import { openAdvapi32, openAdvapi32Services } from "../../os/windows/advapi32.ts";
import { openKernel32 } from "../../os/windows/kernel32.ts";
import { WindowsRegistry } from "../../os/windows/registry.ts";
import { sddlOf } from "../../os/windows/sddl.ts";
import { openUser32 } from "../../os/windows/user32.ts";
import { openWs2 } from "../../os/windows/ws2_32.ts";
import type { Processes } from "../../process/process.ts";
import { WindowsFiles } from "../../service/windows/acl.ts";
import { WindowsKeys } from "../../service/windows/keys.ts";
import { WindowsServiceControl } from "../../service/windows/service_control.ts";
import { matrixItem } from "../bind.ts";
import { processItem } from "../process.ts";
import { findRunFolders } from "../run_folder.ts";
import { scriptItem } from "../script.ts";
import type { SelfTest, SelfTestOptions } from "../self_test.ts";
import { spawnItems } from "../spawn.ts";
import { storeItem } from "../store.ts";
import { tablesItem } from "../tables.ts";
import { aclItem } from "./acl.ts";
import { exclusionItem, undoExclusion } from "./exclusion.ts";
import { findRules, firewallItem } from "./firewall.ts";
import { handlesItem } from "./handles.ts";
import { lastErrorItem } from "./last_error.ts";
import { findPrivateFolders } from "./private_folder.ts";
import { promptItem, readRules, rulesItem } from "./rules.ts";
import { serviceItem } from "./service.ts";
import { windowsSockets } from "./sockets.ts";
import { TestService } from "./test_service.ts";
import { countByNetstat, netshItem } from "./tools.ts";
import { windowItem } from "./window.ts";

/** What the items ask. */
export interface WindowsSelfTestParts extends SelfTestOptions {
  readonly processes: Processes;
  readonly holds: Holds;
  readonly scanner: Scanner;
}

/** Opens it. @throws without permission for FFI. */
export async function openWindowsSelfTest(
  parts: WindowsSelfTestParts,
): Promise<Pick<SelfTest, "items" | "elevatedItems" | "refusal" | "artefacts">> {
  const { processes, holds, scanner, tag } = parts;
  const advapi32 = openAdvapi32(), services = openAdvapi32Services(), kernel32 = openKernel32();
  const registry = new WindowsRegistry(advapi32);
  const before = await readRules(registry);
  const files = new WindowsFiles({ advapi32, services, kernel32 }), keys = new WindowsKeys({ advapi32, services });
  const firewall = openWindowsParts();
  const describeAccess = (folder: string) => sddlOf(folder, services, kernel32);
  /** Undoes what is noted in the private folder of a killed run. */
  const undo = async (folder: string, tag: string) => {
    await new TestService(tag, { services, kernel32 }).remove();
    await undoExclusion(folder);
  };
  return {
    items: [
      ...spawnItems(parts),
      windowItem(openUser32(), parts),
      handlesItem(parts),
      matrixItem(holds, windowsSockets(openWs2())),
      promptItem(registry, { before, holds }),
      tablesItem(scanner, countByNetstat),
      lastErrorItem({ services, tag }),
      processItem(processes, parts),
      rulesItem(registry),
      netshItem,
      storeItem(describeAccess),
      scriptItem,
    ],
    elevatedItems: [
      firewallItem({ ...firewall, tag }),
      serviceItem({ ...parts, services, kernel32, files, keys }),
      exclusionItem({ tag, files, holds }),
      aclItem({ tag, files, describeAccess }),
    ],
    refusal: await new WindowsServiceControl().refusal(),
    artefacts: [
      () => findRules(firewall),
      () => Promise.resolve(findPrivateFolders(files, undo)),
      () => Promise.resolve(findRunFolders()),
    ],
  };
}
