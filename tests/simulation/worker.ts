/** A thread that runs a share: it gets the share in a message and answers with the tally. */
import { runShare, type Share } from "./share.ts";

const scope = self as unknown as {
  onmessage: (message: MessageEvent<Share>) => void;
  postMessage(message: unknown): void;
};

scope.onmessage = async ({ data }) => scope.postMessage(await runShare(data));
