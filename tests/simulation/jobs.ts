/** The threads of a run. */
import { runShare, type Share, type Tally } from "./share.ts";

/** Runs a share in so many threads, each with every n-th seed; the first failure ends the others. */
export async function runJobs(jobs: number, share: Share): Promise<readonly Tally[]> {
  if (jobs === 1) return [await runShare(share)];
  const stop = new SharedArrayBuffer(4);
  return await Promise.all(Array.from({ length: jobs }, (_, i) => {
    return runInThread({ ...share, seed: share.seed + i, stride: jobs, stop });
  }));
}

async function runInThread(share: Share): Promise<Tally> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url).href, { type: "module" });
  try {
    return await new Promise<Tally>((resolve, reject) => {
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.onmessage = ({ data }: MessageEvent<Tally>) => resolve(data);
      worker.postMessage(share);
    });
  } finally {
    worker.terminate();
  }
}
