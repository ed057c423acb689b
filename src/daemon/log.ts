/** The daemon's log: a rotating file in the state folder, and stderr. */
import { getRotatingFileSink } from "@logtape/file";
import { configure, dispose, getLogger, getTextFormatter, type LogRecord } from "@logtape/logtape";
import { systemClock } from "../clock.ts";
import { escapeControls } from "../escape.ts";
import { LogLimit } from "./log_limit.ts";

const FILE_SIZE = 1_000_000, FILES = 3;

/** An open log. */
export interface Log extends AsyncDisposable {
  /**
   * Writes one line, with its control characters made visible. Each minute has a limit for lines that begin alike, and
   * one for all lines; lines beyond it are counted, and the count is written.
   */
  readonly line: (text: string) => void;
  /** Writes why the daemon ends, as an error. */
  readonly failure: (text: string) => void;
}

/** Opens the log. @param path is the newest file; older ones are `path.1` and so on. */
export async function openLog(path: string, clock = systemClock()): Promise<Log> {
  const format = getTextFormatter({ timestamp: "rfc3339", level: "full", category: "", value: String });
  await configure({
    sinks: {
      file: getRotatingFileSink(path, { maxSize: FILE_SIZE, maxFiles: FILES, bufferSize: 0, formatter: format }),
      // deno-lint-ignore no-console
      stderr: (record: LogRecord) => console.error(format(record).trimEnd()),
    },
    loggers: [
      { category: "portd", lowestLevel: "info", sinks: ["file", "stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["stderr"] },
    ],
    reset: true,
  });
  const logger = getLogger("portd");
  const properties = (text: string) => ({ text: escapeControls(text.replaceAll("\n", "\\n")) });
  const write = (text: string) => logger.info("{text}", properties(text));
  const limit = new LogLimit({ write, clock });
  return {
    line: (text) => limit.line(text),
    failure: (text) => logger.error("{text}", properties(text)),
    async [Symbol.asyncDispose]() {
      limit.end();
      await dispose();
    },
  };
}
