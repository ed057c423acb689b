/** The threads of a run. */
import { runShare, type Share, type Tally } from "./share.ts";

/** Runs a share in so many threads, each with every n-th seed; the first failure ends the others. */
export async function runJobs(jobs: number, share: Share): Promise<readonly Tally[]> {
  if (jobs === 1) return [await runShare(share)];
  const tallies: Tally[] = [];
  const workers = Array.from(
    { length: jobs },
    () => new Worker(new URL("./worker.ts", import.meta.url).href, { type: "module" }),
  );
  const { promise: failed, resolve: fail } = Promise.withResolvers<void>();
  const done = workers.map((worker, i) =>
    new Promise<void>((resolve, reject) => {
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.onmessage = ({ data }: MessageEvent<Tally>) => {
        tallies.push(data);
        if (data.report !== null) fail();
        resolve();
      };
      worker.postMessage({ ...share, seed: share.seed + i, stride: jobs } satisfies Share);
    })
  );
  await Promise.race([failed, Promise.all(done)]);
  for (const worker of workers) worker.terminate();
  return tallies;
}
