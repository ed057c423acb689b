/** Measuring in turn: A B C A B C …, so that a machine whose speed drifts slows each of them. */

/** Figures of each subject by its key, in the order of the rounds. */
export type Rounds<Key extends string, Value> = Readonly<Record<Key, readonly Value[]>>;

/** Measures every subject once a round, one after the other. */
export async function interleave<Key extends string, Value>(
  count: number,
  subjects: Readonly<Record<Key, (round: number) => Promise<Value>>>,
): Promise<Rounds<Key, Value>> {
  const keys = Object.keys(subjects) as Key[];
  const rounds = Object.fromEntries(keys.map((key) => [key, [] as Value[]])) as Record<Key, Value[]>;
  for (let round = 0; round < count; round++) {
    for (const key of keys) rounds[key].push(await subjects[key](round));
  }
  return rounds;
}
