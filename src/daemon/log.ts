/** The daemon's log: a rotating file in the state folder, and stderr. */
import { getRotatingFileSink } from "@logtape/file";
import { configure, dispose, getLogger, getTextFormatter, type LogRecord } from "@logtape/logtape";
import { systemClock, type Timer } from "../clock.ts";
import { escapeControls, escapeControlsOfJson } from "../escape.ts";
import { LOG_LEVELS, type LogFormat, type LogLevel, type WriteDetails, type WriteLine } from "../log_line.ts";
import { LogLimit, shortened } from "./log_limit.ts";

const FILE_SIZE = 1_000_000, FILES = 3;

/** An open log. */
export interface Log extends AsyncDisposable {
  /**
   * Writes one line, with its control characters made visible. Each minute has a limit for lines that begin alike, and
   * one for all lines; lines beyond it are counted, and the count is written.
   */
  readonly line: WriteLine;
  /** Writes why the daemon ends, as an error. */
  readonly failure: (text: string) => void;
  /** Writes details, without a limit a minute; `undefined` unless the level is `debug`. */
  readonly details: WriteDetails | undefined;
}

/** Options of {@linkcode openLog}. */
export interface LogOptions {
  /** Lines that are less grave are not written. @default "info" */
  readonly level?: LogLevel;
  /** @default "text" */
  readonly format?: LogFormat;
  readonly clock?: Timer;
}

/** Opens the log. @param path is the newest file; older ones are `path.1` and so on. */
export async function openLog(path: string, options: LogOptions = {}): Promise<Log> {
  const { level: lowestLevel = "info", format = "text", clock = systemClock() } = options;
  const formatter = format === "json" ? formatJson : formatText;
  await configure({
    sinks: {
      file: getRotatingFileSink(path, { maxSize: FILE_SIZE, maxFiles: FILES, bufferSize: 0, formatter }),
      // deno-lint-ignore no-console
      stderr: (record: LogRecord) => console.error(formatter(record).trimEnd()),
    },
    loggers: [
      { category: "portd", lowestLevel, sinks: ["file", "stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["stderr"] },
    ],
    reset: true,
  });
  const logger = getLogger("portd");
  const write = (text: string, level: LogLevel, fields = {}) =>
    logger[level === "warning" ? "warn" : level](MESSAGE, { ...fields, [TEXT]: text });
  const isWritten = (level: LogLevel) => LOG_LEVELS.indexOf(level) <= LOG_LEVELS.indexOf(lowestLevel);
  const limit = new LogLimit({ write, clock });
  return {
    line(text, level: LogLevel = "info") {
      if (isWritten(level)) limit.line(text, level);
    },
    failure: (text) => write(shortened(text), "error"),
    details: isWritten("debug") ? (text, fields) => write(shortened(text), "debug", fields) : undefined,
    async [Symbol.asyncDispose]() {
      limit.end();
      await dispose();
    },
  };
}

/** The property of a record that is its line, and the message that shows it in text. */
const TEXT = "text", MESSAGE = "{text}";

const timestamped = getTextFormatter({ timestamp: "rfc3339", level: "full", category: "", value: String });

/** The line, and behind it the fields as `name=value`. */
function formatText(record: LogRecord): string {
  const { [TEXT]: text, ...fields } = record.properties;
  const words = [String(text), ...Object.entries(fields).map(([name, value]) => `${name}=${value}`)];
  const line = escapeControls(words.join(" ").replaceAll("\n", "\\n"));
  return timestamped({ ...record, message: ["", line, ""] });
}

/** One JSON document a line: the instant in UTC, the level, the line and the fields. */
function formatJson({ timestamp, level, properties: { [TEXT]: message, ...fields } }: LogRecord): string {
  const document = { time: new Date(timestamp).toISOString(), level, message, ...fields };
  return `${escapeControlsOfJson(JSON.stringify(document))}\n`;
}
