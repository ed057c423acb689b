/** The daemon's log: a rotating file in the state folder, and stderr while somebody watches. */
import { getRotatingFileSink } from "@logtape/file";
import { configure, dispose, getLogger, getTextFormatter, type LogRecord } from "@logtape/logtape";

const FILE_SIZE = 1_000_000, FILES = 3;

/** An open log. */
export interface Log extends AsyncDisposable {
  /** Writes one line; control characters in it are made visible. */
  readonly line: (text: string) => void;
}

/** Opens the log. @param path is the newest file; older ones are `path.1` and so on. */
export async function openLog(path: string): Promise<Log> {
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
  return {
    // deno-lint-ignore no-control-regex
    line: (text) => logger.info("{text}", { text: text.replaceAll(/[\x00-\x08\x0a-\x1f\x7f]/g, escapeControl) }),
    [Symbol.asyncDispose]: dispose,
  };
}

function escapeControl(character: string): string {
  return character === "\n" ? "\\n" : `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
}
