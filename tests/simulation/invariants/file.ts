/** The file against the memory, when everything has been written. */
import type { LeaseRecord } from "../../../src/lease/record.ts";
import { canonical } from "../operation.ts";
import { firstOf, type Invariant } from "./invariant.ts";

export const FILE: Invariant = {
  name: "file",
  promise: "The file has the live leases that the memory has, and no other",
  rest({ run, disk }) {
    if (disk.failedSyncs > 0) return undefined; // then nobody can know what the file holds
    const stored = new Map(run.stored().map((record) => [record.id, record]));
    const live = run.records();
    const extra = [...stored.keys()].find((id) => run.byId(id) === undefined);
    if (extra !== undefined) return `the file has the live lease ${extra}, the memory has not`;
    return firstOf(live, (record) => {
      const other = stored.get(record.id);
      if (other === undefined) return `the memory has the live lease ${record.id}, the file has not`;
      const [inMemory, inFile] = [textOf(record), textOf(other)];
      return inMemory === inFile ? undefined : `lease ${record.id} is ${inMemory} in memory and ${inFile} in the file`;
    });
  },
};

function textOf(record: LeaseRecord): string {
  const { name, port, protocols, state, holder, lifetime, hold, labels, exposure, claimed } = record;
  return canonical({ name, port, protocols, state, holder, lifetime, hold, labels, exposure, claimed });
}
