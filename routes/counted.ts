/** Counting answers. */
import type { RouteCounts } from "../src/metrics/request_counts.ts";
import type { Route } from "./guard.ts";

/** The handler, with its answers counted; what it throws is counted by whoever answers that. */
export function counted(handle: Route["handle"], counts: RouteCounts): Route["handle"] {
  const count = (response: Response) => {
    counts.answered(response.status);
    return response;
  };
  return function countedHandler(context) {
    const answer = handle(context);
    return answer instanceof Promise ? answer.then(count) : count(answer);
  };
}
