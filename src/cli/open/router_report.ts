/** What `portd open --router` says in the end. */
import type { Sheet } from "../../sheet/sheet.ts";
import type { Having } from "../answer.ts";
import type { CliContext } from "../context.ts";
import { writeJson, writeLine } from "../terminal.ts";
import { localAddresses, type OpenedLeases, remarksOn, type ROUTER_FIELDS, rulesOf, writeLeases } from "./report.ts";
import type { RouterOpened } from "./router.ts";

/** How it is said. */
export interface ReportOptions {
  readonly json: boolean;
  /** Address of the daemon. */
  readonly url: string;
  /** Remarks on the firewall. */
  readonly remarks: readonly string[];
  /** The router sheet; only for JSON. */
  readonly sheet?: Sheet;
}

/** Writes what was opened, and what was not with what to do. */
export function reportRouter(context: CliContext, opened: RouterOpened, options: ReportOptions): void {
  const { process: { stdout, stderr } } = context, { json, url } = options;
  const { status: { mappings, ...gateway }, outcome, shortcomings, takenBack } = opened;
  const isKept = takenBack === undefined;
  const addresses = isKept ? outcome.addresses : [];
  const local = localAddresses(context, url, opened);
  const remarks = [
    ...opened.remarks,
    ...options.remarks,
    ...whomRemark(opened),
    ...remarksOn(opened),
    ...outcome.notes,
  ];
  if (json) {
    const ids = new Set(opened.leases.map(({ id }) => id));
    return writeJson(
      stdout,
      {
        lease: opened.leases[0],
        leases: opened.leases,
        rules: rulesOf(opened),
        addresses,
        localAddresses: local,
        backend: opened.backend,
        remarks,
        gateway,
        mappings: mappings.filter(({ leaseId }) => ids.has(leaseId)),
        shortcomings,
        takenBack: takenBack ?? null,
        sheet: options.sheet ?? null,
      } satisfies Having<typeof ROUTER_FIELDS>,
    );
  }
  writeLeases(context, opened);
  for (const line of outcome.done) writeLine(stderr, line);
  for (const note of remarks) writeLine(stderr, `note: ${note}`);
  for (const { message, next } of shortcomings) {
    writeLine(stderr, `failed: ${message}`);
    if (next !== null) writeLine(stderr, `  next: ${next}`);
  }
  for (const line of takenBack ?? []) writeLine(stderr, line);
  if (isKept && local.length > 0) writeLine(stderr, `in this network: ${local.join(", ")}`);
  for (const address of addresses) writeLine(stdout, address);
}

/** A rule for this network alone keeps out whoever comes by the router. */
function whomRemark({ leases }: OpenedLeases): readonly string[] {
  const { remote } = leases[0]!.exposure!.firewall;
  if (remote.some((each) => each !== "LocalSubnet")) return [];
  return ["the firewall lets in this network only, and nobody from the internet: --remote any lets everybody in"];
}
