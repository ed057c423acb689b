/** `portd slots`: every working copy with its services, and releasing those of copies that are gone. */
import { PortdError } from "../../errors.ts";
import type { Lease } from "../../lease/lease.ts";
import { fieldsOf, type Having } from "../answer.ts";
import { argument, COMMON_FLAGS, defineCommand, type FlagsOf, switchFlag } from "../command.ts";
import type { CliContext } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { UsageError } from "../exit.ts";
import { stateCell } from "../lease_state.ts";
import { titleOf } from "../naming.ts";
import { type Slot, slotsOf, valuesOf, whyKept } from "../slots.ts";
import { writeTable } from "../table.ts";
import { escapeControls, writeJson, writeLine } from "../terminal.ts";

const FLAGS = {
  dryRun: switchFlag("With prune: only say what would be released"),
  force: switchFlag("With prune: also where the folder above is not there, as on a disk that is not mounted"),
  ...COMMON_FLAGS,
};

/** A working copy as it is printed. */
interface SlotAnswer extends Omit<Slot, "leases"> {
  readonly values: ReturnType<typeof valuesOf>;
}

const FIELDS = fieldsOf<SlotAnswer>({ project: true, root: true, isThere: true, services: true, values: true });
const PRUNE_FIELDS = ["released", "kept", "dryRun"] as const;

export default defineCommand({
  answer: { fields: [...FIELDS, ...PRUNE_FIELDS], list: "slots" },
  flags: FLAGS,
  args: [{ ...argument("prune", "Releases the leases of working copies whose folder is gone"), optional: true }],
  help:
    `Lists the working copies that have leases, each with its services. portd slots prune releases the leases of those
whose folder is gone, apart from those whose server still listens: portd free ends that one.`,
  usage: [
    "[prune [--dry-run] [--force]]",
    { input: "", brief: "what each worktree has" },
    { input: "prune", brief: "after git worktree remove" },
  ],
  async run(context, flags, word) {
    if (word !== undefined && word !== "prune") {
      throw new UsageError(`Cannot use "${word}": the only word here is prune`);
    }
    if (word === undefined && (flags.dryRun || flags.force)) {
      throw new UsageError("Cannot use --dry-run or --force without prune");
    }
    const client = await findDaemon(context, flags);
    const leases = await client.listAll();
    const slots = slotsOf(leases);
    if (word === undefined) return list(context, flags, slots, leases);
    await prune(context, flags, slots, async (id) => {
      await client.release(id).catch((error) => {
        if (!(error instanceof PortdError) || error.code !== "lease_not_found") throw error;
      });
    });
  },
});

function list(
  { process: { stdout, stderr } }: CliContext,
  { json }: FlagsOf<typeof FLAGS>,
  slots: readonly Slot[],
  all: readonly Lease[],
): void {
  const note = (text: string) => writeLine(stderr, `note: ${text}`);
  if (json) {
    const answers = slots.map(({ leases: _, ...slot }): SlotAnswer => ({ ...slot, values: valuesOf(slot, all, note) }));
    return writeJson(stdout, { slots: answers });
  }
  if (slots.length === 0) return writeLine(stderr, "no working copy has a lease");
  const rows = slots.flatMap(({ project, root, isThere, services }) =>
    services.map(({ name, port, protocols, state }, i) => [
      i === 0 ? project : "",
      name,
      String(port),
      protocols.join("+"),
      stateCell(state),
      i > 0 ? "" : isThere ? root : `${root} (gone)`,
    ])
  );
  writeTable(stdout, ["SLOT", "SERVICE", "PORT", "PROTO", "STATE", { title: "FOLDER", least: 20 }], rows);
}

async function prune(
  { process: { stdout, stderr } }: CliContext,
  { json, dryRun = false, force = false }: FlagsOf<typeof FLAGS>,
  slots: readonly Slot[],
  release: (id: string) => Promise<void>,
): Promise<void> {
  const pruned: string[] = [], kept: { readonly lease: string; readonly reason: string }[] = [];
  for (const slot of slots.filter(({ isThere }) => !isThere)) {
    for (const lease of slot.leases) {
      const reason = whyKept(slot, lease, { force });
      if (reason !== undefined) {
        kept.push({ lease: lease.id, reason });
        if (!json) writeLine(stderr, escapeControls(`kept ${titleOf(lease)}: ${reason}`));
        continue;
      }
      if (!dryRun) await release(lease.id);
      pruned.push(lease.id);
      if (!json) writeLine(stderr, `${dryRun ? "would release" : "released"} ${titleOf(lease)}`);
    }
  }
  if (json) writeJson(stdout, { released: pruned, kept, dryRun } satisfies Having<typeof PRUNE_FIELDS>);
  else if (pruned.length === 0 && kept.length === 0) writeLine(stderr, "every working copy with a lease is there");
}
